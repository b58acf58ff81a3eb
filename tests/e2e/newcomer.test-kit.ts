/**
 * A newcomer at a terminal: a clean clone, `make run` in it, and lines pasted into a shell. What
 * runs is what is committed, installed from the lock file; nothing of this checkout is used.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../cluster/polling.test-kit.ts";
import { choosePort, choosePorts } from "../cluster/ports.test-kit.ts";

const root = join(import.meta.dirname, "../..");
/** `npm ci` and a first start on a busy machine. */
const START_MS = 300_000;
const NODES = 3;

/** The machine's own environment, without what this test run has put into it. */
function environment(): NodeJS.ProcessEnv {
  const ours = /^(NODE_TEST_CONTEXT|NODE_OPTIONS|MAKE.*|MFLAGS|KV_.*|KVCLUSTER_.*|npm_.*)$/;
  const own = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const path = (process.env["PATH"] ?? "").split(":").filter((part) => !part.startsWith(root));
  return { ...Object.fromEntries(own), PATH: path.join(":") };
}

/** The launcher numbers its nodes from one. */
const choosePortBase = async (): Promise<number> => (await choosePorts(NODES)) - 1;

export interface Shell {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `curl -w '\n%{http_code}'` printed. */
export interface Curled {
  readonly status: number;
  readonly body: string;
}

export class Newcomer {
  readonly folder: string = mkdtempSync(join(tmpdir(), "kvcluster-e2e-"));
  readonly clone: string = join(this.folder, "kvcluster");
  readonly #env: NodeJS.ProcessEnv;
  #make: ChildProcess | null = null;
  #ended: Promise<number | null> = Promise.resolve(null);
  output = "";

  private constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Clones what is committed here. */
  static async arrive(): Promise<Newcomer> {
    const newcomer = new Newcomer({
      ...environment(),
      BALANCER_PORT: String(await choosePort()),
      HTTP_PORT_BASE: String(await choosePortBase()),
      PEER_PORT_BASE: String(await choosePortBase()),
      METRICS_PORT_BASE: String(await choosePortBase()),
    });
    execFileSync("git", ["clone", "--quiet", root, newcomer.clone], { stdio: "pipe" });
    return newcomer;
  }

  get balancer(): string {
    return `http://127.0.0.1:${this.#env["BALANCER_PORT"]}`;
  }

  /** `make run`, until it says that it stays up. */
  async makeRun(): Promise<void> {
    this.output = "";
    // A group of its own, as a terminal gives to what it starts: Ctrl-C goes to all of it.
    const make = spawn("make", ["run"], {
      cwd: this.clone,
      env: this.#env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString("utf8");
    };
    make.stdout.on("data", take);
    make.stderr.on("data", take);
    this.#make = make;
    this.#ended = new Promise((resolve) => {
      make.once("close", (code) => {
        this.#make = null;
        resolve(code);
      });
    });
    await this.shows(/Ctrl-C stops everything/, START_MS);
  }

  async shows(pattern: RegExp, withinMs = 60_000): Promise<RegExpExecArray> {
    const found = await eventually(
      `make run shows ${pattern}`,
      () => {
        const match = pattern.exec(this.output);
        return match !== null || this.#make === null ? { match } : null;
      },
      { withinMs },
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${this.output}`));
    return found.match ?? assert.fail(`make run ended without ${pattern}:\n${this.output}`);
  }

  /** Ctrl-C. @returns the exit code of make */
  async interrupt(): Promise<number | null> {
    if (this.#make?.pid !== undefined) process.kill(-this.#make.pid, "SIGINT");
    return await this.#ended;
  }

  get token(): string {
    return /^export KV_TOKEN=(\S+)$/m.exec(this.output)?.[1] ?? assert.fail("no token is shown");
  }

  /** The lines to paste that start with a program's name. */
  shownLines(program: string): readonly string[] {
    return this.output.split("\n").filter((line) => line.startsWith(`${program} `));
  }

  /** Pids of the nodes that run now. */
  pids(): readonly number[] {
    return Array.from({ length: NODES }, (_, i) => {
      const file = join(this.clone, ".data", `node-${i + 1}`, "pid");
      return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    }).filter((pid) => pid > 0);
  }

  /** Pastes a line into a shell in the clone. */
  async paste(line: string): Promise<Shell> {
    const env = { ...this.#env, KV_TOKEN: this.token, TOKEN: this.token, KV: this.balancer };
    const shell = spawn("bash", ["-c", line], { cwd: this.clone, env, stdio: "pipe" });
    const done = { stdout: "", stderr: "" };
    shell.stdout.on("data", (chunk: Buffer) => {
      done.stdout += chunk.toString("utf8");
    });
    shell.stderr.on("data", (chunk: Buffer) => {
      done.stderr += chunk.toString("utf8");
    });
    shell.stdin.end();
    const code = await new Promise<number | null>((resolve) => shell.once("close", resolve));
    return { code, ...done };
  }

  /** Pastes a curl line, asking curl for the status too. */
  async curl(line: string): Promise<Curled> {
    const asked = line.replace(/^curl /, "curl -sS --max-time 20 -w '\\n%{http_code}' ");
    const { code, stdout, stderr } = await this.paste(asked);
    assert.equal(code, 0, `${line}\n${stderr}`);
    const at = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
  }

  /** Ends what still runs and removes the clone. */
  async leave(): Promise<void> {
    if (this.#make?.pid !== undefined) {
      const group = -this.#make.pid;
      const nodes = this.pids();
      process.kill(group, "SIGKILL");
      for (const pid of nodes) process.kill(pid, "SIGKILL");
      await this.#ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The first shell block of the README that uses curl. */
  readmeLines(): readonly string[] {
    const readme = readFileSync(join(this.clone, "README.md"), "utf8");
    const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text ?? "");
    const block = blocks.find((text) => text.includes("curl ")) ?? assert.fail("no curl in README");
    return block.split("\n").filter((line) => line.startsWith("curl "));
  }
}
