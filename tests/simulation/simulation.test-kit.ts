/**
 * One run of one seed: a cluster is born, harmed and checked (safety), then healed and required to
 * make progress (liveness). Everything that happens comes from the seed; nothing waits for the real
 * world, so the same seed gives the same trace.
 */
import type { ClusterId, NodeId } from "../../node/src/raft/index.ts";
import { CommittedLog } from "./committed-log.test-kit.ts";
import { checkConvergence } from "./convergence.test-kit.ts";
import { Coverage } from "./coverage.test-kit.ts";
import { EventQueue } from "./event-queue.test-kit.ts";
import { History } from "./history.test-kit.ts";
import type { Life } from "./life.test-kit.ts";
import { Machine } from "./machine.test-kit.ts";
import { Nemesis } from "./nemesis.test-kit.ts";
import { carryCopied, carryEncoded, Network } from "./network.test-kit.ts";
import { type ClusterFacts, NodeWatch } from "./node-watch.test-kit.ts";
import { Operator } from "./operator.test-kit.ts";
import { checkCalm, describeLeaders } from "./quiet.test-kit.ts";
import { Random } from "./random.test-kit.ts";
import { calmWeather, drawScenario, type FaultName, type Scenario } from "./scenario.test-kit.ts";
import type { System } from "./system.test-kit.ts";
import { Trace } from "./trace.test-kit.ts";
import { Violation } from "./violation.test-kit.ts";
import { Workload } from "./workload.test-kit.ts";

export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly steps: number;
  /** Played event by event. */
  readonly simulatedUs: number;
  /** Leapt over, because nothing happened in it. */
  readonly leaptUs: number;
  readonly traceHash: number;
  readonly coverage: Coverage;
  readonly trace: Trace;
  readonly scenario: Scenario;
}

const CLUSTER_ID = "0123456789abcdef0123456789abcdef" as ClusterId;
/** A cluster that is left alone has its members by then. */
const BIRTH_US = 30_000_000;
/** After these a member is removed and another one admitted. */
const LOSSES: ReadonlySet<FaultName> = new Set([
  ...(["flipBit", "misdirect", "loseVolume", "rotState"] as const),
]);
/** Ten times what a busy run takes: beyond it messages beget messages. */
const STEPS_MAX = 2_000_000;
/** So long a cluster is watched in peace before and after a leap. */
const PEACE_US = 2_000_000;
/** Requests that are under way when the clients stop have ended by then. */
const LAST_REQUESTS_US = 3_500_000;
/** Progress is required within this time after everything is healed. */
const PROGRESS_US = 60_000_000;

export class Simulation {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #queue = new EventQueue();
  readonly #trace = new Trace();
  readonly #coverage = new Coverage();
  readonly #random: Random;
  readonly #facts: ClusterFacts;
  readonly #history: History;
  readonly #network: Network;
  readonly #machines: readonly Machine[];
  readonly #operator: Operator;
  readonly #workload: Workload;
  readonly #releases: readonly System[];
  #violation: Violation | null = null;
  #steps = 0;

  /** @param releases that replace `system` in the first round, machine by machine */
  constructor(
    system: System,
    seed: number,
    ...[change = {}, releases = []]: [Partial<Scenario>?, (readonly System[])?]
  ) {
    this.#seed = seed;
    this.#releases = releases;
    this.#random = new Random(seed);
    this.#scenario = { ...drawScenario(this.#random.fork("scenario")), ...change };
    const log = new CommittedLog(releases.at(-1) ?? system, this.#coverage);
    const watches = new Map<NodeId, NodeWatch>();
    this.#facts = { log, coverage: this.#coverage, leaders: new Map(), watches };
    this.#history = new History(log, this.#coverage);
    const carry = this.#scenario.onTheWire ? carryEncoded(system.codec) : carryCopied;
    const parts = { queue: this.#queue, coverage: this.#coverage, carry };
    const random = this.#random.fork("network");
    this.#network = new Network({ ...parts, random }, { ...calmWeather });
    this.#machines = Array.from({ length: this.#scenario.machines }, (_, at) =>
      this.#createMachine(system, `n${at + 1}`),
    );
    this.#operator = this.#createOperator();
    this.#workload = this.#createWorkload();
  }

  /** Plays the seed to its end, or to the first broken promise. */
  async run(): Promise<Outcome> {
    try {
      await this.#play();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#violation ??= error;
    }
    return {
      seed: this.#seed,
      violation: this.#violation,
      steps: this.#steps,
      simulatedUs: this.#queue.nowUs - this.#queue.leaptUs,
      leaptUs: this.#queue.leaptUs,
      traceHash: this.#trace.hash,
      coverage: this.#coverage,
      trace: this.#trace,
      scenario: this.#scenario,
    };
  }

  async #play(): Promise<void> {
    const { votersWanted, rounds } = this.#scenario;
    this.#machines[0]?.bootstrap();
    const isBorn = await this.#runUntil(BIRTH_US, () => {
      return this.#operator.observe()?.configuration.members.length === votersWanted;
    });
    if (!isBorn) throw new Violation("progress", "the cluster was not born in calm weather");
    for (let round = 1; round <= rounds; round += 1) {
      await this.#playRound(round);
      await this.#rest();
    }
    this.#history.finish();
  }

  /** First any fault (safety), then what a healed cluster must come to (liveness). */
  async #playRound(round: number): Promise<void> {
    const { safetyUs, weather } = this.#scenario;
    this.#note("safety phase");
    Object.assign(this.#network.weather, weather);
    const nemesis = new Nemesis({
      ...this.#shared(round === 1 ? "nemesis" : `nemesis ${round}`),
      trace: this.#trace,
      machines: this.#machines,
      network: this.#network,
      operator: this.#operator,
      log: this.#facts.log,
      scenario: this.#scenario,
    });
    if (round > 1) this.#workload.resume();
    else this.#planUpgrades(safetyUs);
    this.#operator.mayDisturb(true);
    await this.#runUntil(safetyUs, () => false);
    this.#note("liveness phase");
    nemesis.stop();
    this.#operator.mayDisturb(false);
    Object.assign(this.#network.weather, calmWeather);
    nemesis.heal(this.#chooseAbsent());
    await this.#requireProgress();
    nemesis.retire();
  }

  /** Every machine gets the next release before any gets the one after it. */
  #planUpgrades(safetyUs: number): void {
    const steps = this.#releases.flatMap((release) =>
      this.#machines.map((machine) => () => machine.upgrade(release)),
    );
    steps.forEach((step, at) => {
      this.#queue.schedule((safetyUs * (at + 1)) / (steps.length + 1), step);
    });
  }

  /** Days without a client: whoever was down comes back after them. */
  async #rest(): Promise<void> {
    await this.#runUntil(LAST_REQUESTS_US, () => false);
    const before = describeLeaders(this.#machines);
    await this.#runUntil(PEACE_US, () => false);
    checkCalm(this.#machines, before, "in peace");
    this.#note("quiet time");
    this.#queue.leap(this.#scenario.quietUs);
    await this.#runUntil(PEACE_US, () => false);
    checkCalm(this.#machines, before, "after quiet time");
    for (const machine of this.#machines) machine.start();
    await this.#requireProgress();
  }

  /**
   * A minority of the voters that stays away. Not where members may have been removed: a removal
   * that only one log holds leaves that node a quorum which may need one of the absent (thesis
   * §4.1).
   */
  #chooseAbsent(): ReadonlySet<Machine> {
    const absent = new Set<Machine>();
    const { minorityStaysDown, churnEveryUs, faults } = this.#scenario;
    const mayRemove = churnEveryUs > 0 || faults.some((fault) => LOSSES.has(fault));
    if (!minorityStaysDown || mayRemove) return absent;
    if (!this.#machines.every(({ isWell }) => isWell)) return absent;
    const { members } = this.#facts.log.configuration;
    const bearers = this.#machines.filter(({ nodeId }) =>
      members.some(({ id, role }) => id === nodeId && role === "voter"),
    );
    const voters = members.filter(({ role }) => role === "voter");
    if (bearers.length < voters.length) return absent;
    const minority = Math.floor((bearers.length - 1) / 2);
    for (const machine of this.#random.fork("absent").shuffle(bearers).slice(0, minority)) {
      absent.add(machine);
    }
    return absent;
  }

  async #requireProgress(): Promise<void> {
    await this.#runUntil(2_000_000, () => false);
    this.#workload.stop();
    const facts = { machines: this.#machines, operator: this.#operator, log: this.#facts.log };
    const probe = (life: Life, done: (acknowledged: boolean) => void): void =>
      this.#workload.probe(life, done);
    const convergence = checkConvergence({ ...facts, queue: this.#queue, probe });
    const isDone = await this.#runUntil(PROGRESS_US, () => convergence.isReached());
    if (!isDone) throw new Violation("progress", convergence.describe());
    // Scans pause between turns, so simulated time must go on meanwhile.
    let isCompared = false;
    convergence.compareStates(this.#history).then(
      () => {
        isCompared = true;
      },
      (error: unknown) => this.#failed(error),
    );
    await this.#runUntil(PROGRESS_US, () => isCompared);
    if (!isCompared) throw new Violation("progress", "a scan of the whole state did not end");
    this.#coverage.count("runs that converged");
  }

  /** Runs until `isReached` or for `spanUs`. @returns whether it was reached */
  async #runUntil(spanUs: number, isReached: () => boolean): Promise<boolean> {
    const endUs = this.#queue.nowUs + spanUs;
    let checkAtUs = this.#queue.nowUs;
    for (;;) {
      const nextUs = this.#queue.nextAtUs();
      if (nextUs === null || nextUs > endUs) return isReached();
      this.#queue.step();
      this.#steps += 1;
      if (this.#steps > STEPS_MAX) throw new Violation("bounded work", `${STEPS_MAX} steps`);
      // Promises that were settled in the event go on now, before the next event.
      await undefined;
      await undefined;
      await undefined;
      if (this.#violation !== null) throw this.#violation;
      if (this.#queue.nowUs < checkAtUs) continue;
      checkAtUs = this.#queue.nowUs + 50_000;
      if (isReached()) return true;
    }
  }

  #createMachine(system: System, name: string): Machine {
    const { options, segmentBytes, diskUs, clockSkew, wipedKeepTheirId } = this.#scenario;
    return new Machine({
      ...this.#shared(name),
      name,
      clusterId: CLUSTER_ID,
      system,
      network: this.#network,
      trace: this.#trace,
      options,
      segmentBytes,
      diskUs,
      clockSkew,
      wipedKeepTheirId,
      model: this.#facts.log.model,
      watchOf: (id) => this.#watchOf(id),
      violated: (violation) => {
        this.#violation ??= violation;
      },
    });
  }

  #createOperator(): Operator {
    const { votersWanted, churnEveryUs, transferEveryUs } = this.#scenario;
    return new Operator({
      ...this.#shared("operator"),
      machines: this.#machines,
      votersWanted,
      churnEveryUs,
      transferEveryUs,
      failed: (error) => this.#failed(error),
    });
  }

  #createWorkload(): Workload {
    return new Workload({
      ...this.#shared("workload"),
      history: this.#history,
      scenario: this.#scenario,
      serving: () => this.#machines.flatMap(({ life }) => (life?.isServing === true ? [life] : [])),
      revision: () => this.#facts.log.model.revision,
      hasRot: ({ host }) => this.#machines.some(({ name, hasRot }) => name === host && hasRot),
      failed: (error) => this.#failed(error),
    });
  }

  #shared(label: string): { queue: EventQueue; coverage: Coverage; random: Random } {
    return { queue: this.#queue, coverage: this.#coverage, random: this.#random.fork(label) };
  }

  #watchOf(id: NodeId): NodeWatch {
    const known = this.#facts.watches.get(id);
    if (known !== undefined) return known;
    const watch = new NodeWatch(id, this.#facts);
    this.#facts.watches.set(id, watch);
    return watch;
  }

  #failed(error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#violation ??= error instanceof Violation ? error : new Violation("no surprise", detail);
  }

  #note(what: string): void {
    this.#trace.record({ atUs: this.#queue.nowUs, who: "run", what, details: [] });
  }
}
