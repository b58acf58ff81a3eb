/**
 * One node as a child process: started with its configuration, started again when it dies, stopped
 * within a bound. It has a process group of its own, so that Ctrl-C reaches the launcher only,
 * which then stops the nodes in order.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { SecretFiles } from "./cluster-folder.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import type { LocalNode } from "./launch-settings.ts";
import { nodeEnvironment, writeNodeConfig } from "./node-config.ts";
import { openLog, readLogTail } from "./node-log.ts";
import { writePrivateFile } from "./private-files.ts";

export interface NodeProcessLimits {
  /** Pause before a node that died is started again; doubles with each death in a row. */
  readonly restartBaseMs: number;
  readonly restartMaxMs: number;
  /** A node that lived this long starts over with the shortest pause. */
  readonly restartForgottenMs: number;
  /** After SIGTERM; then SIGKILL. Above the node's own grace for requests in flight. */
  readonly stopGraceMs: number;
}

export const defaultNodeProcessLimits: NodeProcessLimits = {
  restartBaseMs: 500,
  restartMaxMs: 10_000,
  restartForgottenMs: 30_000,
  stopGraceMs: 15_000,
};

export interface NodeProcessParts {
  readonly secrets: SecretFiles;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: NodeProcessLimits;
  readonly say: (line: string) => void;
  /** The node died and was started again. */
  readonly onRestarted: (node: LocalNode) => void;
}

const LOG_TAIL_LINES = 12;

/** The node's program, source or built as this file is, with the flags that this process has. */
function nodeCommand(): readonly string[] {
  const root = join(import.meta.dirname, "../../../node");
  const isSource = import.meta.filename.endsWith(".ts");
  const program = join(root, isSource ? "src/main.ts" : "dist/main.js");
  return [...process.execArgv, program];
}

export class NodeProcess {
  readonly node: LocalNode;
  readonly #parts: NodeProcessParts;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #isStopping = false;
  #deathsInARow = 0;
  #startedAtMs = 0;
  #restartTimer: NodeJS.Timeout | null = null;
  #lastExit: string | null = null;

  constructor(node: LocalNode, parts: NodeProcessParts) {
    this.node = node;
    this.#parts = parts;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Starts the process; whether it serves is for others to ask. */
  start(): void {
    const { node } = this;
    writeNodeConfig(node, this.#parts.secrets);
    const log = openLog(node.logFile);
    const child = spawn(process.execPath, [...nodeCommand(), "--config", node.configFile], {
      stdio: ["ignore", log, log],
      detached: true,
      env: nodeEnvironment(this.#parts.env),
    });
    closeSync(log);
    this.#isStopping = false;
    this.#child = child;
    this.#startedAtMs = performance.now();
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => this.#onEnd(messageOf(error), resolve));
      child.once("exit", (code, signal) => {
        this.#onEnd(signal === null ? `exit code ${code}` : `signal ${signal}`, resolve);
      });
    });
    if (child.pid !== undefined) writePrivateFile(node.pidFile, `${child.pid}\n`);
  }

  /** What to say of a node that does not come up: how it ended and the end of its log. */
  explainFailure(what: string): LaunchError {
    const ended = this.#lastExit === null ? "" : ` (it ended with ${this.#lastExit})`;
    const tail = readLogTail(this.node.logFile, LOG_TAIL_LINES).map((line) => `    ${line}`);
    const log = tail.length === 0 ? "" : `\n  the end of ${this.node.logFile}:\n${tail.join("\n")}`;
    return new LaunchError(`${this.node.name} ${what}${ended}${log}`);
  }

  /** SIGTERM, then SIGKILL after the grace. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
    const child = this.#child;
    if (child === null) return;
    const { stopGraceMs } = this.#parts.limits;
    child.kill("SIGTERM");
    const force = setTimeout(() => {
      this.#parts.say(`${this.node.name} did not stop within ${stopGraceMs / 1_000} s; killing it`);
      child.kill("SIGKILL");
    }, stopGraceMs);
    await this.#exited;
    clearTimeout(force);
  }

  #onEnd(how: string, resolve: () => void): void {
    if (this.#child === null) return;
    this.#child = null;
    this.#lastExit = how;
    rmSync(this.node.pidFile, { force: true });
    resolve();
    if (!this.#isStopping) this.#restartSoon(how);
  }

  #restartSoon(how: string): void {
    const { limits, say, onRestarted } = this.#parts;
    const livedMs = performance.now() - this.#startedAtMs;
    this.#deathsInARow = livedMs > limits.restartForgottenMs ? 1 : this.#deathsInARow + 1;
    const exponent = Math.min(this.#deathsInARow - 1, 16);
    const pauseMs = Math.min(limits.restartMaxMs, limits.restartBaseMs * 2 ** exponent);
    say(`${this.node.name} died (${how}); starting it again in ${pauseMs / 1_000} s`);
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = null;
      this.start();
      onRestarted(this.node);
    }, pauseMs);
  }
}
