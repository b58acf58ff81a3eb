/**
 * Whether this node serves linearizable reads, found out by doing one: a read barrier at a fixed
 * interval. A node is ready when the last one that succeeded is recent, and says in words why not.
 */
import type { NodeId, RaftStatus } from "../raft/index.ts";

export interface HealthLimits {
  readonly healthCheckMs: number;
  readonly healthTimeoutMs: number;
  /** A learner further behind than this is not ready. */
  readonly learnerGapMax: number;
}

export interface HealthFacts {
  readonly nowMs: number;
  readonly raft: RaftStatus;
  readonly appliedIndex: number;
}

export class Health {
  readonly #limits: HealthLimits;
  #lastProbeMs = Number.NEGATIVE_INFINITY;
  #lastSuccessMs = Number.NEGATIVE_INFINITY;
  #leaderContactMs: number | null = null;
  #leader: NodeId | null = null;

  constructor(limits: HealthLimits) {
    this.#limits = limits;
  }

  /** True when the next probe is due; the caller then makes one and reports its end. */
  due(nowMs: number): boolean {
    if (nowMs - this.#lastProbeMs < this.#limits.healthCheckMs) return false;
    this.#lastProbeMs = nowMs;
    return true;
  }

  /** The next probe is due at once: leadership has just changed. */
  hasten(): void {
    this.#lastProbeMs = Number.NEGATIVE_INFINITY;
  }

  succeeded(nowMs: number): void {
    this.#lastSuccessMs = nowMs;
  }

  /** A message of the current leader arrived. */
  heardFromLeader(nowMs: number): void {
    this.#leaderContactMs = nowMs;
  }

  /** Notes who leads; true when it changed. */
  noteLeader(leader: NodeId | null): boolean {
    if (leader === this.#leader) return false;
    this.#leader = leader;
    return true;
  }

  /** Age of the last word of the leader; 0 on the leader; null when there never was one. */
  stalenessMs(nowMs: number, raft: RaftStatus): number | null {
    if (raft.role === "leader") return 0;
    return this.#leaderContactMs === null ? null : nowMs - this.#leaderContactMs;
  }

  /** Empty when ready. */
  notReadyReason(facts: HealthFacts): string {
    const { raft } = facts;
    if (raft.leader === null) return "no leader is known";
    const gap = raft.commitIndex - facts.appliedIndex;
    if (raft.role === "learner" && gap > this.#limits.learnerGapMax) {
      return `this learner is ${gap} entries behind`;
    }
    const age = facts.nowMs - this.#lastSuccessMs;
    if (age <= this.#limits.healthTimeoutMs) return "";
    return Number.isFinite(age)
      ? `the last linearizable read succeeded ${Math.round(age)} ms ago`
      : "no linearizable read has succeeded yet";
  }
}
