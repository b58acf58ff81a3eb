/**
 * Commands taken by this node that wait for their result. A proposal is parked until a leader is
 * known, then routed to the leader of one term; from that moment its outcome is unknown until this
 * node applies it, or applies an entry of a later term: log terms never fall, so what was not
 * applied by then never will be. Only then, or refused by that leader, is it routed again.
 */
import type { CommandResult } from "../kv/index.ts";
import type { Term } from "../raft/index.ts";
import { NumberedQueue } from "./numbered-queue.ts";
import type { SettledCommand } from "./ports.ts";
import { ReplicaError, type ReplicaErrorCode } from "./service.ts";

export interface PendingProposal {
  readonly sequence: number;
  /** The encoded command. */
  readonly data: Uint8Array;
  readonly deadlineAtMs: number;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: ReplicaError) => void;
  /** It left for the leader of this term and may take effect; null while it is parked. */
  routedTerm: Term | null;
}

export interface ProposalLimits {
  readonly proposalsMax: number;
  readonly proposalBytesMax: number;
}

export class ProposalTable {
  readonly #limits: ProposalLimits;
  readonly #pending = new NumberedQueue<PendingProposal>();
  #parked: PendingProposal[] = [];
  #bytes = 0;
  #settled = 0;
  #failed = 0;

  constructor(limits: ProposalLimits) {
    this.#limits = limits;
  }

  get pending(): number {
    return this.#pending.size;
  }
  /** Settled with a result since start. */
  get settled(): number {
    return this.#settled;
  }
  /** Ended without a result since start. */
  get failed(): number {
    return this.#failed;
  }
  get hasParked(): boolean {
    return this.#parked.length > 0;
  }

  /**
   * Takes a command. @param encode makes the command's bytes for the sequence it is given.
   * @throws ReplicaError OVERLOADED at the limit of count or bytes.
   */
  add(deadlineAtMs: number, encode: (sequence: number) => Uint8Array): Promise<CommandResult> {
    const { proposalsMax, proposalBytesMax } = this.#limits;
    if (this.#pending.size >= proposalsMax || this.#bytes >= proposalBytesMax) {
      this.#failed += 1;
      const detail = `${this.#pending.size} proposals of ${this.#bytes} bytes wait on this node`;
      return Promise.reject(
        new ReplicaError("OVERLOADED", `${detail} (limits ${proposalsMax}, ${proposalBytesMax})`),
      );
    }
    const sequence = this.#pending.next;
    const data = encode(sequence);
    this.#bytes += data.length;
    return new Promise((resolve, reject) => {
      const proposal = { sequence, data, deadlineAtMs, resolve, reject, routedTerm: null };
      this.#pending.push(proposal);
      this.#parked.push(proposal);
    });
  }

  /** Everything parked and still wanted, marked as routed to the leader of `term`. */
  takeParked(term: Term): readonly PendingProposal[] {
    const parked = this.#parked.filter((proposal) => this.#pending.get(proposal.sequence));
    this.#parked = [];
    for (const proposal of parked) proposal.routedTerm = term;
    return parked;
  }

  /** A leader did not append it: it waits for the next route. */
  park(sequence: number): void {
    const proposal = this.#pending.get(sequence);
    if (proposal === undefined || proposal.routedTerm === null) return;
    proposal.routedTerm = null;
    this.#parked.push(proposal);
  }

  /** True while it waits for the leader of `term`. */
  isRoutedIn(sequence: number, term: Term): boolean {
    return this.#pending.get(sequence)?.routedTerm === term;
  }

  /**
   * An entry of `term` is applied, and with it all that will ever be applied of earlier terms: what
   * was routed in one of those is dead and may be routed again.
   */
  revive(term: Term): void {
    for (const { sequence, routedTerm } of this.#pending.values()) {
      if (routedTerm !== null && routedTerm < term) this.park(sequence);
    }
  }

  /** The state was replaced by a snapshot, which may hold any of what was routed. */
  doubt(): void {
    const detail =
      "this node caught up by a snapshot, which does not tell what became of the write";
    for (const { sequence, routedTerm } of this.#pending.values()) {
      if (routedTerm !== null) this.fail(sequence, "OUTCOME_UNKNOWN", detail);
    }
  }

  /** Results of applied entries. Sequences that were given up are passed over. */
  settle(settled: readonly SettledCommand[]): void {
    for (const { sequence, result } of settled) {
      const proposal = this.#remove(sequence);
      if (proposal === undefined) continue;
      this.#settled += 1;
      proposal.resolve(result);
    }
  }

  /** Ends one without a result. */
  fail(sequence: number, code: ReplicaErrorCode, detail: string): void {
    const proposal = this.#remove(sequence);
    if (proposal === undefined) return;
    this.#failed += 1;
    proposal.reject(new ReplicaError(code, detail));
  }

  /** Ends those whose deadline has passed. */
  expire(nowMs: number): void {
    for (const proposal of this.#pending.values()) {
      if (proposal.deadlineAtMs <= nowMs) this.#expireOne(proposal);
    }
  }

  /** Ends all that were not routed with `code`, and the others as of unknown outcome. */
  abandon(code: ReplicaErrorCode, detail: string): void {
    for (const proposal of this.#pending.values()) {
      const isParked = proposal.routedTerm === null;
      this.fail(proposal.sequence, isParked ? code : "OUTCOME_UNKNOWN", detail);
    }
  }

  #expireOne(proposal: PendingProposal): void {
    const { sequence, routedTerm } = proposal;
    if (routedTerm !== null) {
      this.fail(sequence, "OUTCOME_UNKNOWN", "the deadline passed before the command was applied");
    } else {
      this.fail(sequence, "NO_LEADER", "no leader was known before the deadline");
    }
  }

  #remove(sequence: number): PendingProposal | undefined {
    const proposal = this.#pending.take(sequence);
    if (proposal === undefined) return undefined;
    this.#bytes -= proposal.data.length;
    return proposal;
  }
}
