/**
 * What this node may still do: serve, or refuse because it stops, was removed or has diverged; and
 * whether it is ready, in words.
 */
import type { NodeId, RaftStatus } from "../raft/index.ts";
import type { Health } from "./health.ts";
import { ReplicaError } from "./service.ts";

export interface StandingFacts {
  readonly nowMs: number;
  readonly raft: RaftStatus;
  readonly appliedIndex: number;
}

export class Standing {
  readonly #self: NodeId;
  readonly #health: Health;
  #removed = false;
  #corrupt = false;
  #draining = false;
  #stopped = false;

  constructor(self: NodeId, health: Health) {
    this.#self = self;
    this.#health = health;
  }

  get removed(): boolean {
    return this.#removed;
  }
  get corrupt(): boolean {
    return this.#corrupt;
  }

  /** Readiness fails from now on. */
  drain(): void {
    this.#draining = true;
  }
  stop(): void {
    this.#stopped = true;
  }
  /** A check in the log found that this replica has diverged. */
  diverge(): void {
    this.#corrupt = true;
  }

  /**
   * Looks for this node in the committed configuration; true when it has just gone from it. A node
   * id is the index of the entry that admitted it, so any configuration from there on knows it.
   */
  noteConfiguration({ configuration, configurationIndex, commitIndex }: RaftStatus): boolean {
    if (this.#removed || configurationIndex < this.#self || commitIndex < configurationIndex) {
      return false;
    }
    this.#removed = !configuration.members.some((member) => member.id === this.#self);
    return this.#removed;
  }

  /** Why a request is refused before it is looked at; null when it is not. */
  refusal(): ReplicaError | null {
    if (this.#stopped) return new ReplicaError("SHUTTING_DOWN", "the node is shutting down");
    if (this.#corrupt) {
      return new ReplicaError("CORRUPT", "the state of this replica differs from the leader's");
    }
    if (this.#removed) {
      return new ReplicaError("REMOVED", `node ${this.#self} was removed from the cluster`);
    }
    return null;
  }

  /** Empty when the node is ready. */
  notReadyReason(facts: StandingFacts): string {
    if (this.#draining) return "this node is draining";
    return this.refusal()?.message ?? this.#health.notReadyReason(facts);
  }
}
