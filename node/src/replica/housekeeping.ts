/**
 * What a node does on its own at each tick: trims the log, has the leader check the replicas for
 * corruption and compact the history, and takes leadership away from a disk that stalls.
 */
import { type Command, toRevision } from "../kv/index.ts";
import type { LogIndex, RaftStatus, Term } from "../raft/index.ts";
import { type TrimLimits, trimTarget } from "./log-trimming.ts";
import type { StateSummary, Store } from "./ports.ts";

export interface HousekeepingLimits extends TrimLimits {
  readonly hashCheckMs: number;
  readonly diskStallMs: number;
  readonly historyKeptRevisions: number;
  readonly historyCheckMs: number;
}

export interface HousekeepingPorts {
  readonly store: Pick<Store, "compactLog">;
  monotonicMs(): number;
  status(): RaftStatus;
  state(): StateSummary;
  /** Age of the oldest write that is not durable yet, ms. */
  oldestWriteMs(): number;
  snapshotInFlight(): LogIndex | null;
  compacted(at: { readonly index: LogIndex; readonly term: Term }): void;
  propose(command: Command): Promise<unknown>;
  handOver(): Promise<unknown>;
}

/** Work that is begun at most every `intervalMs` and never twice at once. 0: never. */
class Chore {
  readonly #intervalMs: number;
  #lastMs: number;
  #running = false;
  #failures = 0;

  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastMs = nowMs;
  }

  get failures(): number {
    return this.#failures;
  }

  isDue(nowMs: number): boolean {
    return !this.#running && this.#intervalMs > 0 && nowMs - this.#lastMs >= this.#intervalMs;
  }

  begin(nowMs: number, work: Promise<unknown>): void {
    this.#running = true;
    this.#lastMs = nowMs;
    const ended = (): void => {
      this.#running = false;
    };
    work.then(ended, () => {
      this.#failures += 1;
      ended();
    });
  }
}

export class Housekeeping {
  readonly #limits: HousekeepingLimits;
  readonly #ports: HousekeepingPorts;
  readonly #hashCheck: Chore;
  readonly #historyCheck: Chore;
  readonly #handOver: Chore;
  #trimming = false;
  #lastCheckedIndex = 0;

  constructor(limits: HousekeepingLimits, ports: HousekeepingPorts) {
    this.#limits = limits;
    this.#ports = ports;
    const nowMs = ports.monotonicMs();
    this.#hashCheck = new Chore(limits.hashCheckMs, nowMs);
    this.#historyCheck = new Chore(limits.historyCheckMs, nowMs);
    this.#handOver = new Chore(limits.diskStallMs, nowMs);
  }

  /** Checks, compactions and hand-overs that did not come through; they are tried again. */
  get failures(): number {
    return this.#hashCheck.failures + this.#historyCheck.failures + this.#handOver.failures;
  }

  tick(): void {
    this.#trim();
    if (this.#ports.status().role !== "leader") return;
    const nowMs = this.#ports.monotonicMs();
    if (this.#hashCheck.isDue(nowMs)) this.#checkHash(nowMs);
    if (this.#historyCheck.isDue(nowMs)) this.#compactHistory(nowMs);
    if (this.#handOver.isDue(nowMs)) this.#leaveStalledDisk(nowMs);
  }

  #trim(): void {
    if (this.#trimming) return;
    const target = trimTarget(this.#limits, {
      status: this.#ports.status(),
      appliedIndex: this.#ports.state().appliedIndex,
      snapshotInFlight: this.#ports.snapshotInFlight(),
    });
    if (target === null) return;
    this.#trimming = true;
    this.#ports.store.compactLog(target, (at) => {
      this.#trimming = false;
      this.#ports.compacted(at);
    });
  }

  #checkHash(nowMs: number): void {
    const { checkpoint } = this.#ports.state();
    if (checkpoint === null || checkpoint.index <= this.#lastCheckedIndex) return;
    this.#lastCheckedIndex = checkpoint.index;
    this.#hashCheck.begin(nowMs, this.#ports.propose({ type: "verifyHash", ...checkpoint }));
  }

  #compactHistory(nowMs: number): void {
    const { revision, compactRevision } = this.#ports.state();
    const { historyKeptRevisions } = this.#limits;
    const target = revision - historyKeptRevisions;
    if (historyKeptRevisions === 0 || target <= compactRevision) return;
    const command: Command = { type: "compact", revision: toRevision(target) };
    this.#historyCheck.begin(nowMs, this.#ports.propose(command));
  }

  /** A leader that cannot write delays the whole cluster; another voter may have a better disk. */
  #leaveStalledDisk(nowMs: number): void {
    if (this.#ports.oldestWriteMs() < this.#limits.diskStallMs) return;
    this.#handOver.begin(nowMs, this.#ports.handOver());
  }
}
