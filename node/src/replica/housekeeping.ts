/**
 * What a node does on its own at each tick: trims the log, has the leader check the replicas for
 * corruption, and takes leadership away from a disk that stalls.
 */
import type { Command } from "../kv/index.ts";
import type { LogIndex, RaftStatus, Term } from "../raft/index.ts";
import { type TrimLimits, trimTarget } from "./log-trimming.ts";
import type { StateSummary, Store } from "./ports.ts";

export interface HousekeepingLimits extends TrimLimits {
  readonly hashCheckMs: number;
  readonly diskStallMs: number;
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

export class Housekeeping {
  readonly #limits: HousekeepingLimits;
  readonly #ports: HousekeepingPorts;
  #trimming = false;
  #checking = false;
  #handingOver = false;
  #lastCheckMs: number;
  #lastCheckedIndex = 0;
  #failures = 0;

  constructor(limits: HousekeepingLimits, ports: HousekeepingPorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#lastCheckMs = ports.monotonicMs();
  }

  /** Corruption checks and hand-overs that did not come through; the next tick tries again. */
  get failures(): number {
    return this.#failures;
  }

  tick(): void {
    this.#trim();
    if (this.#ports.status().role !== "leader") return;
    this.#checkHash();
    this.#leaveStalledDisk();
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

  #checkHash(): void {
    const { checkpoint } = this.#ports.state();
    const now = this.#ports.monotonicMs();
    const { hashCheckMs } = this.#limits;
    if (hashCheckMs === 0 || this.#checking || now - this.#lastCheckMs < hashCheckMs) return;
    if (checkpoint === null || checkpoint.index <= this.#lastCheckedIndex) return;
    this.#checking = true;
    this.#lastCheckMs = now;
    this.#lastCheckedIndex = checkpoint.index;
    this.#attempt(this.#ports.propose({ type: "verifyHash", ...checkpoint }), () => {
      this.#checking = false;
    });
  }

  /** A leader that cannot write delays the whole cluster; another voter may have a better disk. */
  #leaveStalledDisk(): void {
    if (this.#handingOver || this.#ports.oldestWriteMs() < this.#limits.diskStallMs) return;
    this.#handingOver = true;
    this.#attempt(this.#ports.handOver(), () => {
      this.#handingOver = false;
    });
  }

  #attempt(work: Promise<unknown>, ended: () => void): void {
    work.then(ended, () => {
      this.#failures += 1;
      ended();
    });
  }
}
