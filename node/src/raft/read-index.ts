/**
 * Linearizable reads at the leader (thesis §6.4). A read is served at the commit index of a round
 * that began after the read arrived, once a majority answered a heartbeat of that round: then no
 * other leader had committed anything before the round began. A round's number is made here and
 * never reused, so that a late answer confirms nothing newer (etcd #20418). No clock is involved.
 */
import { broadcastReadRound } from "./heartbeat.ts";
import {
  hasCommittedInTerm,
  type Leadership,
  type NodeState,
  type WaitingRead,
} from "./node-state.ts";
import { hasQuorum } from "./quorum.ts";
import type { HeartbeatResponse, LogIndex, NodeId } from "./types.ts";

/** Queues a read for the next round, or refuses it at the limit. */
export function takeRead(node: NodeState, leadership: Leadership, read: WaitingRead): void {
  const pending = leadership.waitingReads.length + (leadership.readRound?.reads.length ?? 0);
  if (pending < node.options.pendingReadsMax) {
    leadership.waitingReads.push(read);
    return;
  }
  if (read.type === "remote") answerRemote(node, read, null);
  else node.outbox.reject(read.id, "overloaded", `${pending} reads wait at the leader`);
}

/**
 * Starts a round for all reads that wait, when none is under way. Before the first commit of the
 * term they stay parked: the leader does not yet know what is committed (etcd #7331).
 */
export function startReadRound(node: NodeState, leadership: Leadership): void {
  if (leadership.readRound !== null || leadership.waitingReads.length === 0) return;
  if (!hasCommittedInTerm(node, leadership)) return;
  node.readSequence += 1;
  leadership.readRound = {
    sequence: node.readSequence,
    index: node.commitIndex,
    reads: leadership.waitingReads,
  };
  leadership.waitingReads = [];
  if (!confirmReadRound(node, leadership)) broadcastReadRound(node, leadership);
}

/** Notes a follower's answer; the round may be confirmed by it. */
export function noteReadConfirmation(
  node: NodeState,
  leadership: Leadership,
  message: HeartbeatResponse,
): void {
  const peer = leadership.peers.get(message.from);
  if (peer === undefined || message.readSequence <= peer.readSequence) return;
  peer.readSequence = message.readSequence;
  confirmReadRound(node, leadership);
}

/** Serves the round under way if a majority has confirmed it. */
function confirmReadRound(node: NodeState, leadership: Leadership): boolean {
  const round = leadership.readRound;
  if (round === null) return false;
  const hasConfirmed = (id: NodeId): boolean =>
    id === node.id || (leadership.peers.get(id)?.readSequence ?? 0) >= round.sequence;
  if (!hasQuorum(node.configurations.voters, hasConfirmed)) return false;
  leadership.readRound = null;
  for (const read of round.reads) {
    if (read.type === "local") node.outbox.grantRead(read.id, round.index);
    else answerRemote(node, read, round.index);
  }
  return true;
}

/** Leadership is over: nothing that waits can be confirmed by this node any more. */
export function dropReads(node: NodeState, leadership: Leadership): void {
  for (const read of [...(leadership.readRound?.reads ?? []), ...leadership.waitingReads]) {
    if (read.type === "remote") answerRemote(node, read, null);
    else node.outbox.reject(read.id, "readDropped", `node ${node.id} lost its leadership`);
  }
  leadership.readRound = null;
  leadership.waitingReads = [];
}

function answerRemote(
  node: NodeState,
  read: WaitingRead & { readonly type: "remote" },
  readIndex: LogIndex | null,
): void {
  node.outbox.send({
    type: "readIndexResponse",
    from: node.id,
    to: read.from,
    term: node.currentTerm,
    batch: read.batch,
    readIndex,
  });
}
