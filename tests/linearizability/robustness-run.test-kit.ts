/**
 * A run in rounds: load and faults, then calm, everything read back, the history checked. The state
 * in which a round ends is where the next begins, so that a run of any length needs the memory of
 * one round. What fails leaves its evidence in a folder.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, pause } from "../cluster/polling.test-kit.ts";
import { hashesAgree } from "../cluster/verify.test-kit.ts";
import { Random } from "../simulation/random.test-kit.ts";
import { check } from "./checker.test-kit.ts";
import type { Fault } from "./faults.test-kit.ts";
import type { History, NamedRecord, Operation, Violation } from "./operation.test-kit.ts";
import type { PlainClient } from "./plain-client.test-kit.ts";
import { readBack } from "./read-back.test-kit.ts";
import { Figures } from "./robustness-figures.test-kit.ts";
import { Site, type SiteOptions } from "./site.test-kit.ts";
import { PREFIX, Workload } from "./workload.test-kit.ts";

export interface RunOptions {
  readonly seed: number;
  readonly faults: Readonly<Record<string, Fault>>;
  readonly site: SiteOptions;
  /** Faults of a round. */
  readonly faultsOfRound: number;
  /** Another round begins while this says so. */
  readonly goesOn: (figures: Figures) => boolean;
  readonly log: (line: string) => void;
}

/** Reads at past revisions of all keys after a round, beside those that clients made. */
const PAST_LISTS = 40;
const SEED_WRITES = 120;
const READ_TIMEOUT_MS = 30_000;
/** Calm between two faults, at most, when the nodes are not waited for. */
const CALM_MS_MAX = 800;
const evidenceFolder: string = join(import.meta.dirname, "../../.robustness");

export class ViolationError extends Error {
  override readonly name = "ViolationError";
  readonly violations: readonly Violation[];
  constructor(violations: readonly Violation[], where: string) {
    const shown = violations.slice(0, 5).map(({ rule, message }) => `${rule}: ${message}`);
    super(`${violations.length} violations, evidence in ${where}\n${shown.join("\n")}`);
    this.violations = violations;
  }
}

/** @throws ViolationError, or whatever kept the run from its end */
export async function runRobustness(options: RunOptions): Promise<Figures> {
  const run = new RobustnessRun(options);
  try {
    return await run.play();
  } finally {
    await run.close();
  }
}

interface Base {
  readonly revision: number;
  readonly records: readonly NamedRecord[];
}

class RobustnessRun {
  readonly #options: RunOptions;
  readonly #site: Site;
  readonly #random: Random;
  readonly #figures: Figures;
  /** Fault kinds still to be played before any is played again. */
  #deck: string[] = [];
  #round = 0;
  /** Writes of unknown outcome without an effect so far: it may still come. */
  #unresolved: readonly Operation[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#figures = new Figures(Object.keys(options.faults));
    this.#site = new Site(options.site);
  }

  async close(): Promise<void> {
    await this.#site.destroy();
  }

  async play(): Promise<Figures> {
    const { log, goesOn, seed } = this.#options;
    log(`seed ${seed}`);
    let operations: readonly Operation[] = [];
    try {
      await this.#site.form();
      let base: Base = { revision: 0, records: [] };
      do {
        this.#round += 1;
        const workload = await this.#makeWorkload(base);
        base = await this.#readState();
        operations = workload.operations;
        await this.#playFaults(workload, base);
        base = await this.#verify(workload, base);
      } while (goesOn(this.#figures));
      this.#site.cluster.assertNoUnexpectedEnd();
      return this.#figures;
    } catch (error) {
      this.#keep(`${error instanceof Error ? error.stack : error}\n`, operations);
      throw error;
    }
  }

  async #makeWorkload({ revision }: Base): Promise<Workload> {
    const first = this.#site.productClient(this.#nodeAddresses());
    const label = `${this.#options.seed}-${this.#round}-`;
    const seeding = new Workload(this.#site.ways(), {
      random: this.#random.fork(`seeding ${this.#round}`),
      label,
      baseRevision: revision,
    });
    if (this.#round === 1) await seeding.seed(this.#clients()[0] ?? assert.fail(), SEED_WRITES);
    await first.close();
    const { revision: baseRevision } = await hashesAgree(this.#site.cluster);
    const random = this.#random.fork(`round ${this.#round}`);
    return new Workload(this.#site.ways(), { random, label, baseRevision });
  }

  async #playFaults(workload: Workload, base: Base): Promise<void> {
    const startedMs = performance.now();
    workload.start();
    try {
      await this.#playRound(workload, base, startedMs);
    } finally {
      // Clients that go on would keep a run that failed from ending.
      await workload.stop();
    }
    if (workload.failure !== null) throw workload.failure;
    this.#figures.addLoad(workload.operations, startedMs, performance.now());
  }

  async #playRound(workload: Workload, base: Base, startedMs: number): Promise<void> {
    const { faults, faultsOfRound, log } = this.#options;
    for (let n = 1; n <= faultsOfRound; n += 1) {
      const random = this.#random.fork(`fault ${n} of round ${this.#round}`);
      const name = this.#drawFault();
      const fault = faults[name] ?? assert.fail(name);
      const atMs = performance.now() - startedMs;
      const scene = {
        site: this.#site,
        random,
        written: () => workload.written,
        baseRevision: base.revision,
      };
      await fault(scene);
      this.#figures.addFault(name);
      const tookMs = performance.now() - startedMs - atMs;
      log(`  ${(atMs / 1_000).toFixed(1)} s: ${name}, ${(tookMs / 1_000).toFixed(1)} s`);
      if (random.chance(0.5)) await this.#site.cluster.isComplete();
      else await pause(random.between(0, CALM_MS_MAX));
      if (workload.failure !== null) throw workload.failure;
    }
    await this.#site.heal();
    await this.#site.cluster.isComplete();
    const calm = workload.written + 50;
    await eventually("writes go on after all faults", () => workload.written >= calm);
  }

  /** Every kind once before any again. */
  #drawFault(): string {
    if (this.#deck.length === 0) {
      const random = this.#random.fork(`deck ${this.#figures.faultsPlayed}`);
      this.#deck = random.shuffle(Object.keys(this.#options.faults));
    }
    return this.#deck.pop() ?? assert.fail("no faults");
  }

  async #verify(workload: Workload, base: Base): Promise<Base> {
    const calmMs = performance.now();
    await hashesAgree(this.#site.cluster);
    const clients = this.#clients();
    const last = await this.#readState();
    const states = await this.#readStates(base, last);
    const operations = [...this.#unresolved, ...workload.operations, ...states];
    const revisions = await readBack({
      clients,
      baseRevision: base.revision,
      lastRevision: last.revision,
      operations,
    });
    const history: History = { base, operations, revisions };
    const beforeMs = performance.now();
    this.#options.log(`  read back in ${((beforeMs - calmMs) / 1_000).toFixed(1)} s`);
    const { violations, resolved } = check(history);
    this.#figures.addCheck(history, resolved.size, performance.now() - beforeMs);
    this.#unresolved = operations.filter(
      (operation) => operation.outcome.type === "unknown" && !resolved.has(operation),
    );
    this.#options.log(`  round ${this.#round}: ${this.#figures.describeLastRound()}`);
    if (violations.length === 0) return last;
    const where = this.#keep(JSON.stringify(violations, null, 1), operations, history);
    throw new ViolationError(violations, where);
  }

  /** What each node has in the end, and states of the past, as operations of one more client. */
  async #readStates(base: Base, last: Base): Promise<readonly Operation[]> {
    const random = this.#random.fork(`states of round ${this.#round}`);
    const clients = this.#clients();
    const past = Array.from({ length: PAST_LISTS }, (_, i) => ({
      client: clients[i % clients.length] ?? assert.fail(),
      at: random.integer(base.revision, last.revision),
    }));
    const all = [...clients.map((client) => ({ client, at: null })), ...past];
    return await Promise.all(all.map(({ client, at }) => this.#list(client, at)));
  }

  async #list(client: PlainClient, at: number | null): Promise<Operation> {
    const request = { type: "list", prefix: PREFIX, at } as const;
    const calledAt = performance.now();
    const outcome = await client.perform(request, { timeoutMs: READ_TIMEOUT_MS });
    const returnedAt = performance.now();
    assert.equal(outcome.type, "ok", `${PREFIX} at ${at} cannot be read`);
    return { client: -1, request, calledAt, returnedAt, outcome };
  }

  async #readState(): Promise<Base> {
    const client = this.#clients()[0] ?? assert.fail("no node");
    const { outcome } = await this.#list(client, null);
    if (outcome.type !== "ok" || outcome.answer.type !== "page") assert.fail("no page");
    return outcome.answer;
  }

  #clients(): readonly PlainClient[] {
    return this.#nodeAddresses().map((address) => this.#site.plainClient(address));
  }

  #nodeAddresses(): readonly string[] {
    return this.#site.cluster.nodes.map((node) => node.clientAddress);
  }

  /** @returns the folder with history and logs */
  #keep(what: string, operations: readonly Operation[], history?: History): string {
    const { seed, site } = this.#options;
    const kind = site.hasPowerLoss ? "disks" : "plain";
    const folder = join(evidenceFolder, `${kind}-seed-${seed}-round-${this.#round}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, history === undefined ? "error" : "violations.json"), what);
    const lines = operations.map((operation) => JSON.stringify(operation));
    writeFileSync(join(folder, "operations.jsonl"), lines.join("\n"));
    if (history !== undefined) {
      const { base, revisions } = history;
      writeFileSync(join(folder, "account.json"), JSON.stringify({ base, revisions }));
    }
    for (const { name, logFile } of this.#site.cluster.nodes) {
      cpSync(logFile, join(folder, `${name}.log`), { force: true });
    }
    this.#options.log(`seed ${seed}: history and logs are in ${folder}`);
    return folder;
  }
}
