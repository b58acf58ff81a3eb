/**
 * Runs `make run`'s program and `kv` as a user does: as processes, with ports and a folder of their
 * own.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { choosePorts } from "../cluster/ports.test-kit.ts";

const root = join(import.meta.dirname, "../..");
const launcher = join(root, "client/src/local/main.ts");
const kvCommand = join(root, "client/bin/kv.js");

/** A whole start under load on two cores. */
export const START_MS = 120_000;

export type Environment = Readonly<Record<string, string>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A folder that is removed when the tests of the file are over. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-local-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

export const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

/** How far the bases of one cluster lie apart: nodes have small ids. */
const PORTS_OF_A_KIND = 10;

/** Ports for one cluster: the balancer's, and a base for each kind of the nodes' ports. */
export async function chooseClusterPorts(): Promise<Environment> {
  const base = await choosePorts(3 * PORTS_OF_A_KIND);
  return {
    BALANCER_PORT: String(base),
    HTTP_PORT_BASE: String(base),
    PEER_PORT_BASE: String(base + PORTS_OF_A_KIND),
    METRICS_PORT_BASE: String(base + 2 * PORTS_OF_A_KIND),
  };
}

/** A run of the launcher. */
export class LocalRun {
  readonly child: ChildProcess;
  readonly env: Environment;
  readonly #ended: Promise<number | null>;
  output = "";
  #wake: (() => void)[] = [];

  constructor(env: Environment) {
    this.env = env;
    this.child = spawn(process.execPath, [launcher], {
      cwd: root,
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString("utf8");
      this.#notify();
    };
    this.child.stdout?.on("data", take);
    this.child.stderr?.on("data", take);
    this.#ended = new Promise((resolve) => {
      this.child.once("close", (code) => {
        resolve(code);
        this.#notify();
      });
    });
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get balancer(): string {
    return `http://127.0.0.1:${this.env["BALANCER_PORT"]}`;
  }

  /** The first match in what was or will be printed. @throws when the run ends or time is up */
  async shows(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadlineMs = performance.now() + START_MS;
    for (;;) {
      const match = pattern.exec(this.output.slice(from));
      if (match !== null) return match;
      if (this.hasEnded) assert.fail(`ended without ${pattern}:\n${this.output}`);
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) assert.fail(`not in time: ${pattern}:\n${this.output}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits until the cluster stands and everything is shown. */
  async isUp(): Promise<void> {
    await this.shows(/Ctrl-C stops everything/);
  }

  get token(): string {
    return /export KV_TOKEN=(\S+)/.exec(this.output)?.[1] ?? assert.fail("no token is shown");
  }

  pidOf(name: string): number {
    const row = new RegExp(`^ +${name} +http://.* (\\d+)$`, "m").exec(this.output);
    return Number(row?.[1] ?? assert.fail(`${name} has no process in:\n${this.output}`));
  }

  ended(): Promise<number | null> {
    return this.#ended;
  }

  async interrupt(): Promise<number | null> {
    this.child.kill("SIGINT");
    return await this.#ended;
  }

  #notify(): void {
    const woken = this.#wake;
    this.#wake = [];
    for (const wake of woken) wake();
  }
}

/** Starts the launcher; it is ended, with its nodes, when the tests of the file are over. */
export function run(env: Environment): LocalRun {
  const started = new LocalRun(env);
  after(async () => {
    if (!started.hasEnded) await started.interrupt();
  });
  return started;
}

export interface KvCall {
  readonly env?: Environment;
  readonly stdin?: string | Uint8Array;
}

/** Runs `kv`. */
export async function kv(args: readonly string[], call: KvCall = {}): Promise<Ended> {
  const child = spawn(process.execPath, [kvCommand, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"], ...call.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  child.stdin.end(call.stdin ?? "");
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout: Buffer.concat(stdout), stderr };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Polls until it holds. @throws with the question when it does not within a minute */
export async function eventually(
  question: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) assert.fail(`not within a minute: ${question}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
