/**
 * One real node process: started with a configuration file of its own, killed, paused, stopped in
 * order. A node that ends although nobody asked it to is remembered, and fails the test.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { choosePort } from "./ports.test-kit.ts";

export const shippedProgram: string = join(import.meta.dirname, "../../node/src/main.ts");
const LOG_TAIL_LINES = 15;
const LOG_LINE_CHARS = 600;

/** Settings of a node by section, as in its configuration file. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Secrets {
  readonly tokenSecret: string;
  readonly peerSecret: string;
  readonly keyRing: string;
}

export interface NodeSetup {
  readonly name: string;
  /** Holds configuration, log and, unless told otherwise, data. */
  readonly folder: string;
  readonly secrets: Secrets;
  readonly settings: Settings;
  readonly dataFolder?: string;
  /** Another node than the one that ships: a test of the tests. */
  readonly program?: string;
  /** Beside PATH. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where others reach its peer port, given where it listens; there unless told otherwise. */
  readonly layPeerLink?: (peerAddress: string) => Promise<string>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => process.exit(1));
}

export class TestNode {
  readonly name: string;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly #setup: NodeSetup;
  readonly #ports: { readonly http: number; readonly peer: number; readonly metrics: number };
  readonly #advertised: string;
  #child: ChildProcess | null = null;
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  #isEndExpected = true;
  /** How it ended when it should not have. */
  unexpectedEnd: Ended | null = null;

  /** @param advertised where its peer port is reached, when not where it listens */
  constructor(
    setup: NodeSetup,
    ports: readonly [number, number, number],
    advertised: string | null = null,
  ) {
    this.#setup = setup;
    this.name = setup.name;
    this.dataFolder = setup.dataFolder ?? join(setup.folder, "data");
    this.logFile = join(setup.folder, "log");
    this.#ports = { http: ports[0], peer: ports[1], metrics: ports[2] };
    this.#advertised = advertised ?? this.#peerListener;
    mkdirSync(setup.folder, { recursive: true });
  }

  static async make(setup: NodeSetup): Promise<TestNode> {
    const [http, peer, metrics] = [await choosePort(), await choosePort(), await choosePort()];
    const advertised = await setup.layPeerLink?.(`127.0.0.1:${peer}`);
    return new TestNode(setup, [http, peer, metrics], advertised);
  }

  get clientAddress(): string {
    return `http://127.0.0.1:${this.#ports.http}`;
  }
  get peerAddress(): string {
    return this.#advertised;
  }
  get metricsAddress(): string {
    return `http://127.0.0.1:${this.#ports.metrics}`;
  }
  get isRunning(): boolean {
    return this.#child !== null;
  }
  get pid(): number {
    return this.#child?.pid ?? assert.fail(`${this.name} does not run`);
  }

  /** @param settings beside those it was made with, for this start */
  start(settings: Settings = {}): void {
    assert.ok(this.#child === null, `${this.name} runs already`);
    const configFile = join(this.#setup.folder, "config.json");
    writeFileSync(configFile, JSON.stringify(this.#configuration(settings), null, 2));
    const log = openSync(this.logFile, "a");
    const program = this.#setup.program ?? shippedProgram;
    const child = spawn(process.execPath, [program, "--config", configFile], {
      env: { PATH: process.env["PATH"], ...this.#setup.environment },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    running.add(child);
    this.#child = child;
    this.#isEndExpected = false;
    this.#ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        running.delete(child);
        this.#child = null;
        if (!this.#isEndExpected) this.unexpectedEnd = { code, signal };
        resolve({ code, signal });
      });
    });
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#ended;
  }

  /** SIGTERM. @returns how it ended */
  async terminate(): Promise<Ended> {
    this.#signal("SIGTERM");
    return await this.#ended;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Waits for an end that the test is about: a refusal, a full disk. */
  async ends(): Promise<Ended> {
    this.#isEndExpected = true;
    const ended = await this.#ended;
    this.unexpectedEnd = null;
    return ended;
  }

  /** Ends the process whatever state it is in. */
  async destroy(): Promise<void> {
    if (this.#child !== null) await this.kill();
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
  }

  logTail(): string {
    const lines = this.log().trimEnd().split("\n").slice(-LOG_TAIL_LINES);
    return lines.map((line) => `    ${line.slice(0, LOG_LINE_CHARS)}`).join("\n");
  }

  get #peerListener(): string {
    return `127.0.0.1:${this.#ports.peer}`;
  }

  #signal(signal: NodeJS.Signals): void {
    assert.ok(this.#child !== null, `${this.name} does not run:\n${this.logTail()}`);
    this.#isEndExpected = true;
    this.#child.kill(signal);
  }

  #configuration(more: Settings): object {
    const { secrets, settings } = this.#setup;
    const own: Settings = {
      listen: {
        http: `127.0.0.1:${this.#ports.http}`,
        peer: this.#peerListener,
        metrics: `127.0.0.1:${this.#ports.metrics}`,
      },
      advertise: { peerAddress: this.peerAddress, clientAddress: this.clientAddress },
      peers: { secretFile: secrets.peerSecret },
      auth: { keys: [trustedKey(secrets.tokenSecret)], reloadMs: 100 },
      raft: { promotionMs: 200 },
    };
    return {
      name: this.name,
      dataFolder: this.dataFolder,
      keyRingFile: secrets.keyRing,
      ...mergeSettings(mergeSettings(own, settings), more),
    };
  }
}

const trustedKey = (file: string): object => ({
  name: "test",
  algorithm: "HS256",
  file,
  issuer: "kvcluster",
  audiences: ["kvcluster"],
  grants: "trusted",
});

function mergeSettings(base: Settings, more: Settings): Settings {
  const sections = new Set([...Object.keys(base), ...Object.keys(more)]);
  return Object.fromEntries(
    [...sections].map((section) => [section, { ...base[section], ...more[section] }]),
  );
}
