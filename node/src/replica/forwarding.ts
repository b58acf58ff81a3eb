/**
 * Routes proposals to whoever leads: into the core on the leader, in one message a turn on the
 * others. For proposals that other nodes forwarded here it keeps who they came from, until the core
 * has taken or refused them. Nothing is ever sent twice: a proposal goes again only after a leader
 * said that it did not append it.
 */
import { stampTimestamp } from "../kv/index.ts";
import type { Acceptance, Input, NodeId, Rejection, RejectionReason } from "../raft/index.ts";
import type { ForwardedProposal, PeerMessage } from "./ports.ts";
import type { PendingProposal, ProposalTable } from "./proposals.ts";
import { requestCount, requestKind, toRequestId } from "./request-id.ts";

interface Forwarded {
  readonly from: NodeId;
  readonly origin: number;
  readonly sequence: number;
}

export interface ForwardingPorts {
  readonly origin: number;
  /** Forwarded proposals that may wait for the core at once; above it they are refused. */
  readonly forwardedMax: number;
  send(to: NodeId, message: PeerMessage): void;
  /** False when what is sent to the peer now is likely to be dropped. */
  reaches(peer: NodeId): boolean;
  wallMs(): number;
}

/** Reasons after which the same proposal may be routed again: it was not appended. */
const mayRouteAgain = (reason: RejectionReason): boolean =>
  reason === "notLeader" || reason === "leaderNotReady";

export class Forwarding {
  readonly #table: ProposalTable;
  readonly #ports: ForwardingPorts;
  /** Proposals of other nodes that the core has not answered yet, by request id. */
  readonly #forwarded = new Map<number, Forwarded>();
  #count = 0;
  /** Proposals sent to a leader, to be settled by apply or refused by it. */
  #waitForLeaderChange = false;

  constructor(table: ProposalTable, ports: ForwardingPorts) {
    this.#table = table;
    this.#ports = ports;
  }

  /**
   * Routes what is parked. The inputs are for the core, when this node leads. Nothing is routed to a
   * leader that cannot be reached: it would be lost, and its client would wait in doubt until its
   * deadline for what the next leader can do as soon as it is elected.
   */
  route(self: NodeId, leader: NodeId | null): readonly Input[] {
    if (leader === null || this.#waitForLeaderChange || !this.#table.hasParked) return [];
    if (leader !== self && !this.#ports.reaches(leader)) return [];
    const proposals = this.#table.takeParked();
    if (leader === self) return this.#toCore(proposals);
    this.#toLeader(leader, proposals);
    return [];
  }

  /** Parked proposals that a leader refused wait for the next tick, lest they spin. */
  tick(): void {
    this.#waitForLeaderChange = false;
  }

  /** Proposals that another node forwarded here. */
  receive(from: NodeId, origin: number, proposals: readonly ForwardedProposal[]): readonly Input[] {
    if (this.#forwarded.size + proposals.length > this.#ports.forwardedMax) {
      const sequences = proposals.map((proposal) => proposal.sequence);
      this.#ports.send(from, { type: "forwardRejected", origin, sequences, reason: "overloaded" });
      return [];
    }
    const now = this.#ports.wallMs();
    return proposals.map(({ data, sequence }) => {
      stampTimestamp(data, now);
      const id = toRequestId("forwarded", this.#count);
      this.#count += 1;
      this.#forwarded.set(id, { from, origin, sequence });
      return { type: "propose", id, data };
    });
  }

  /** The core appended these: other nodes learn of theirs by applying them. */
  accepted(acceptances: readonly Acceptance[]): void {
    for (const { id } of acceptances) this.#forwarded.delete(id);
  }

  /** The core refused these: local ones are parked or failed, forwarded ones sent back. */
  rejected(rejections: readonly Rejection[]): void {
    const byPeer = new Map<string, { to: NodeId; message: PeerMessage; sequences: number[] }>();
    for (const { id, reason, detail } of rejections) {
      const forwarded = this.#forwarded.get(id);
      if (requestKind(id) === "proposal") this.refuse(requestCount(id), reason, detail);
      if (forwarded === undefined) continue;
      this.#forwarded.delete(id);
      const key = `${forwarded.from}/${forwarded.origin}/${reason}`;
      const group = byPeer.get(key) ?? this.#group(forwarded, reason);
      group.sequences.push(forwarded.sequence);
      byPeer.set(key, group);
    }
    for (const { to, message } of byPeer.values()) this.#ports.send(to, message);
  }

  /** A leader did not append the local proposal `sequence`. */
  refuse(sequence: number, reason: RejectionReason, detail: string): void {
    if (!mayRouteAgain(reason)) {
      this.#table.fail(sequence, "OVERLOADED", `the leader refused the proposal: ${detail}`);
      return;
    }
    this.#table.park(sequence);
    this.#waitForLeaderChange = true;
  }

  #group(
    forwarded: Forwarded,
    reason: RejectionReason,
  ): { to: NodeId; message: PeerMessage; sequences: number[] } {
    const sequences: number[] = [];
    const message = {
      type: "forwardRejected",
      origin: forwarded.origin,
      sequences,
      reason,
    } as const;
    return { to: forwarded.from, message, sequences };
  }

  #toCore(proposals: readonly PendingProposal[]): readonly Input[] {
    const now = this.#ports.wallMs();
    return proposals.map(({ sequence, data }) => {
      stampTimestamp(data, now);
      return { type: "propose", id: toRequestId("proposal", sequence), data };
    });
  }

  #toLeader(leader: NodeId, proposals: readonly PendingProposal[]): void {
    if (proposals.length === 0) return;
    const forwarded = proposals.map(({ sequence, data }) => ({ sequence, data }));
    const { origin } = this.#ports;
    this.#ports.send(leader, { type: "forward", origin, proposals: forwarded });
  }
}
