/**
 * Routes proposals to whoever leads: into the core on the leader, in one message a turn on the
 * others, or a few when they are large. It keeps whose proposals the core has, until that has taken
 * or refused them. A proposal goes again only when it is certain that it was not appended: a leader
 * said so, or an entry of a later term is applied and it was not before.
 */
import { DecodeError } from "../codec/index.ts";
import { decodeCommand, stampTimestamp } from "../kv/index.ts";
import type {
  Acceptance,
  Input,
  NodeId,
  RaftStatus,
  Rejection,
  RejectionReason,
  Term,
} from "../raft/index.ts";
import { NumberedQueue } from "./numbered-queue.ts";
import type { ForwardedProposal, PeerMessage } from "./ports.ts";
import type { PendingProposal, ProposalTable } from "./proposals.ts";
import { requestCount, requestKind, toRequestId } from "./request-id.ts";

/** A proposal in the core. */
interface Routed {
  /** The node that forwarded it; null: it is this node's own. */
  readonly from: NodeId | null;
  readonly origin: number;
  readonly term: Term;
  readonly sequence: number;
}

export interface ForwardingPorts {
  readonly origin: number;
  /** Forwarded proposals that may wait for the core at once; above it they are refused. */
  readonly forwardedMax: number;
  /** Commands in one message to the leader; it holds one at least. */
  readonly forwardBytesMax: number;
  send(to: NodeId, message: PeerMessage): void;
  /** False when what is sent to the peer now is likely to be dropped. */
  reaches(peer: NodeId): boolean;
  wallMs(): number;
}

/** Reasons after which the same proposal may be routed again: it was not appended. */
const mayRouteAgain = (reason: RejectionReason): boolean =>
  reason === "notLeader" || reason === "leaderNotReady";

interface RefusedGroup {
  readonly to: NodeId;
  readonly message: PeerMessage;
  readonly sequences: number[];
}

const groupOf = (
  to: NodeId,
  about: { readonly origin: number; readonly term: Term; readonly reason: RejectionReason },
): RefusedGroup => {
  const sequences: number[] = [];
  return { to, message: { type: "forwardRejected", ...about, sequences }, sequences };
};

/**
 * What is appended is applied by every replica, and one that cannot read it must end: a damaged or
 * a newer command must never get so far.
 */
function checkForwarded(from: NodeId, origin: number, { sequence, data }: ForwardedProposal): void {
  const { header } = decodeCommand(data);
  if (header.origin === origin && header.sequence === sequence) return;
  throw new DecodeError(
    `node ${from} forwarded ${header.origin}/${header.sequence} as ${origin}/${sequence}`,
  );
}

export class Forwarding {
  readonly #table: ProposalTable;
  readonly #ports: ForwardingPorts;
  /** Proposals that the core has not answered yet, by the count in their request id. */
  readonly #routed = new NumberedQueue<Routed>();
  /** A leader has just refused some: it would refuse them again. */
  #waitForLeaderChange = false;

  constructor(table: ProposalTable, ports: ForwardingPorts) {
    this.#table = table;
    this.#ports = ports;
  }

  /**
   * Routes what is parked. The inputs are for the core, when this node leads. Nothing is routed to
   * a leader that cannot be reached: it would be lost, and its client would wait in doubt for what
   * the next leader can do as soon as it is elected.
   */
  route(self: NodeId, { leader, term }: RaftStatus): readonly Input[] {
    if (leader === null || this.#waitForLeaderChange || !this.#table.hasParked) return [];
    if (leader !== self && !this.#ports.reaches(leader)) return [];
    const proposals = this.#table.takeParked(term);
    if (leader === self) return this.#toCore(proposals, term);
    this.#toLeader(leader, proposals, term);
    return [];
  }

  /** Parked proposals that a leader refused wait for the next tick, lest they spin. */
  tick(): void {
    this.#waitForLeaderChange = false;
  }

  /**
   * Proposals that another node forwarded here.
   * @throws DecodeError for a command that this node cannot read: none of the message is taken
   */
  receive(from: NodeId, message: Extract<PeerMessage, { type: "forward" }>): readonly Input[] {
    const { origin, term, proposals } = message;
    if (this.#routed.size + proposals.length > this.#ports.forwardedMax) {
      const sequences = proposals.map((proposal) => proposal.sequence);
      const reason = "overloaded";
      this.#ports.send(from, { type: "forwardRejected", origin, term, sequences, reason });
      return [];
    }
    for (const proposal of proposals) checkForwarded(from, origin, proposal);
    const now = this.#ports.wallMs();
    return proposals.map(({ data, sequence }) => {
      stampTimestamp(data, now);
      return { type: "propose", id: this.#begin({ from, origin, term, sequence }), data, term };
    });
  }

  /** The core appended these: whose they are learns the rest by applying them. */
  accepted(acceptances: readonly Acceptance[]): void {
    for (const { id } of acceptances) this.#take(id);
  }

  /** The core refused these: local ones are parked or failed, forwarded ones sent back. */
  rejected(rejections: readonly Rejection[]): void {
    const byPeer = new Map<string, RefusedGroup>();
    for (const { id, reason, detail } of rejections) {
      const routed = this.#take(id);
      if (routed === undefined) continue;
      const { from, origin, term, sequence } = routed;
      if (from === null) {
        this.#refuse(routed, reason, detail);
        continue;
      }
      const key = `${from}/${origin}/${term}/${reason}`;
      const group = byPeer.get(key) ?? groupOf(from, { origin, term, reason });
      group.sequences.push(sequence);
      byPeer.set(key, group);
    }
    for (const { to, message } of byPeer.values()) this.#ports.send(to, message);
  }

  /** The leader of another node did not append these local proposals. */
  refused(from: NodeId, message: Extract<PeerMessage, { type: "forwardRejected" }>): void {
    const { origin, term, reason } = message;
    if (origin !== this.#ports.origin) return;
    for (const sequence of message.sequences) {
      this.#refuse({ term, sequence }, reason, `node ${from} answered ${reason}`);
    }
  }

  /** The leader of `term` did not append it. One that was routed again since is not meant. */
  #refuse(
    { term, sequence }: Pick<Routed, "term" | "sequence">,
    reason: RejectionReason,
    detail: string,
  ): void {
    if (!this.#table.isRoutedIn(sequence, term)) return;
    if (!mayRouteAgain(reason)) {
      this.#table.fail(sequence, "OVERLOADED", `the leader refused the proposal: ${detail}`);
      return;
    }
    this.#table.park(sequence);
    this.#waitForLeaderChange = true;
  }

  #begin(routed: Routed): number {
    return toRequestId("proposal", this.#routed.push(routed));
  }

  /** Undefined for a request of another kind. */
  #take(id: number): Routed | undefined {
    return requestKind(id) === "proposal" ? this.#routed.take(requestCount(id)) : undefined;
  }

  #toCore(proposals: readonly PendingProposal[], term: Term): readonly Input[] {
    const now = this.#ports.wallMs();
    return proposals.map(({ sequence, data }) => {
      stampTimestamp(data, now);
      const { origin } = this.#ports;
      const id = this.#begin({ from: null, origin, term, sequence });
      return { type: "propose", id, data, term };
    });
  }

  #toLeader(leader: NodeId, proposals: readonly PendingProposal[], term: Term): void {
    if (proposals.length === 0) return;
    const { origin, forwardBytesMax } = this.#ports;
    let forwarded: ForwardedProposal[] = [];
    let bytes = 0;
    const send = (): void =>
      this.#ports.send(leader, { type: "forward", origin, term, proposals: forwarded });
    for (const { sequence, data } of proposals) {
      if (forwarded.length > 0 && bytes + data.length > forwardBytesMax) {
        send();
        forwarded = [];
        bytes = 0;
      }
      forwarded.push({ sequence, data });
      bytes += data.length;
    }
    send();
  }
}
