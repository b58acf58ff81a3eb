/**
 * Replication at the leader (§5.3, §5.4.2): what each follower is sent next, what its answers mean,
 * and which entries are committed by counting them.
 */
import { assertInvariant } from "./assertion.ts";
import { sendAsLeader } from "./heartbeat.ts";
import { higherIndex, indexAfter, indexBefore } from "./log-index.ts";
import type { Leadership, NodeState } from "./node-state.ts";
import { isRecentlyActive } from "./node-state.ts";
import {
  acknowledge,
  becomeProbe,
  becomeReplicate,
  becomeSnapshot,
  type PeerProgress,
  refuse,
} from "./progress.ts";
import { quorumIndex } from "./quorum.ts";
import { noteReadConfirmation } from "./read-index.ts";
import { doubtLeader } from "./roles.ts";
import { continueTransfer } from "./transfer.ts";
import {
  type AppendEntriesResponse,
  type Entry,
  type HeartbeatResponse,
  type LogIndex,
  type NodeId,
  type Term,
  toLogIndex,
} from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];
/** Entry data on its way that is worth waiting for: some two dozen small writes. */
const AHEAD_BYTES = 8192;

/** Sends every follower what its window allows. Called once, at the end of a step. */
export function replicate(node: NodeState, leadership: Leadership): void {
  for (const peer of leadership.peers.values()) {
    while (sendNext(node, peer)) {
      // One message per turn, until the window is full or nothing is left.
    }
  }
}

/**
 * Commits what a majority of voters holds, this node by what is durable here. Only an entry of the
 * current term is committed by counting; older ones are with it (§5.4.2, Figure 8).
 */
export function advanceCommit(node: NodeState, leadership: Leadership): void {
  leadership.isCommitDue = false;
  const index = quorumIndex(node.configurations.voters, (id) => durableOn(node, leadership, id));
  if (index <= node.commitIndex || node.log.term(index) !== node.currentTerm) return;
  node.commitIndex = index;
  leadership.uncommitted.commit(index);
}

function durableOn(node: NodeState, leadership: Leadership, id: NodeId): LogIndex {
  if (id === node.id) return node.log.persistedIndex;
  const peer = leadership.peers.get(id);
  assertInvariant(peer !== undefined, () => `leader ${node.id} has no progress of voter ${id}`);
  return peer.matchIndex;
}

export function handleAppendEntriesResponse(
  node: NodeState,
  leadership: Leadership,
  message: AppendEntriesResponse,
): void {
  const peer = leadership.peers.get(message.from);
  if (peer === undefined) return;
  peer.heardAtTick = node.ticks;
  if (!message.success) {
    const hint = node.log.lastAtMost(message.conflictIndex, message.conflictTerm);
    refuse(peer, message.rejectedIndex, hint.index);
    return;
  }
  assertInvariant(
    message.matchIndex <= node.log.lastIndex,
    () => `node ${peer.id} acknowledges ${message.matchIndex}, last is ${node.log.lastIndex}`,
  );
  if (!acknowledge(peer, message.matchIndex)) return;
  leadership.isCommitDue = true;
  const isServedByLog = peer.matchIndex >= node.log.compactedIndex;
  if (peer.state === "probe" || (peer.state === "snapshot" && isServedByLog)) becomeReplicate(peer);
  if (node.transfer?.target === peer.id) continueTransfer(node, leadership);
}

/** An answered heartbeat shows that the follower hears us: whatever it still lacks was lost. */
export function handleHeartbeatResponse(
  node: NodeState,
  leadership: Leadership,
  message: HeartbeatResponse,
): void {
  const peer = leadership.peers.get(message.from);
  if (peer === undefined) return;
  peer.heardAtTick = node.ticks;
  peer.isPaused = false;
  if (peer.reading === "refused") peer.reading = "idle";
  if (peer.matchIndex < node.log.lastIndex) peer.isAppendDue = true;
  noteReadConfirmation(node, leadership, message);
}

/** The connection to a peer broke: what was on its way is lost. */
export function peerUnreachable(node: NodeState, id: NodeId): void {
  if (node.leader === id) doubtLeader(node);
  const peer = node.leadership?.peers.get(id);
  if (peer?.state !== "replicate") return;
  becomeProbe(peer, peer.matchIndex);
  peer.isPaused = true;
}

/** Old entries that the store read for a follower; a late answer may no longer fit. */
export function entriesRead(node: NodeState, to: NodeId, entries: readonly Entry[]): void {
  const peer = node.leadership?.peers.get(to);
  if (peer === undefined || peer.reading !== "asked") return;
  const first = entries[0];
  const last = entries.at(-1);
  peer.reading = first === undefined ? "refused" : "idle";
  if (first === undefined || last === undefined || peer.state !== "replicate") return;
  const isOurs =
    node.log.term(first.index) === first.term && node.log.term(last.index) === last.term;
  if (first.index !== peer.nextIndex || !isOurs || peer.inflight.isFull) return;
  const prevLogTerm = node.log.term(indexBefore(first.index));
  if (prevLogTerm !== null) sendAppend(node, peer, { prevLogTerm, entries });
}

/** @returns whether another message may follow at once. */
function sendNext(node: NodeState, peer: PeerProgress): boolean {
  if (peer.state === "snapshot" || peer.isPaused) return false;
  const prevLogTerm = node.log.term(indexBefore(peer.nextIndex));
  if (prevLogTerm === null) {
    askForSnapshot(node, peer);
    return false;
  }
  const entries = entriesFor(node, peer);
  // Entries that gather leave soon, and tell the commit too.
  const isTold = isGathering(node, peer) && peer.nextIndex <= node.log.lastIndex;
  const isCommitDue = node.commitIndex > peer.commitSent && !isTold;
  const isNewsForPeer = peer.state === "probe" || isCommitDue;
  if (entries.length === 0 && !peer.isAppendDue && !isNewsForPeer) return false;
  sendAppend(node, peer, { prevLogTerm, entries });
  return entries.length > 0 && peer.nextIndex <= node.log.lastIndex;
}

function entriesFor(node: NodeState, peer: PeerProgress): readonly Entry[] {
  const { log, options, outbox } = node;
  // A full window lets only empty appends through; their answers show whether one was lost.
  if (peer.nextIndex > log.lastIndex || peer.inflight.isFull) return NO_ENTRIES;
  if (log.holds(peer.nextIndex)) {
    const entries = log.slice(peer.nextIndex, options.appendBytesMax);
    return isGathering(node, peer) && mayGrow(node, entries) ? NO_ENTRIES : entries;
  }
  // A probe needs no entries to find out where the logs agree.
  if (peer.state === "replicate" && peer.reading === "idle") {
    peer.reading = "asked";
    outbox.readEntries({
      to: peer.id,
      from: peer.nextIndex,
      toIndex: log.lastIndex,
      bytesMax: options.appendBytesMax,
    });
  }
  return NO_ENTRIES;
}

/**
 * Enough is on its way ahead of the follower's answers, so what follows gathers for one message,
 * because each costs both sides more than the entries in it. Only until its first entry is durable
 * here: about as long as the follower's own disk is busy with what went ahead, and no longer for a
 * follower that is far away.
 */
function isGathering({ log, options }: NodeState, { inflight, nextIndex }: PeerProgress): boolean {
  const isAhead = inflight.count >= options.appendsAheadMax || inflight.bytes >= AHEAD_BYTES;
  return isAhead && nextIndex > log.persistedIndex;
}

/** More entries would fit into this message. */
function mayGrow({ log, options }: NodeState, entries: readonly Entry[]): boolean {
  return entries.at(-1)?.index === log.lastIndex && dataBytes(entries) < options.appendBytesMax;
}

function dataBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

function sendAppend(
  node: NodeState,
  peer: PeerProgress,
  append: { readonly prevLogTerm: Term; readonly entries: readonly Entry[] },
): void {
  const isQuestion = append.entries.length === 0 && (peer.isAppendDue || peer.state === "probe");
  // Without entries only what tells no commit is answered.
  const leaderCommit = isQuestion ? toLogIndex(0) : node.commitIndex;
  sendAsLeader(node, {
    type: "appendEntries",
    from: node.id,
    to: peer.id,
    term: node.currentTerm,
    prevLogIndex: indexBefore(peer.nextIndex),
    prevLogTerm: append.prevLogTerm,
    entries: append.entries,
    leaderCommit,
  });
  peer.isAppendDue = false;
  peer.commitSent = higherIndex(peer.commitSent, leaderCommit);
  if (peer.state === "probe") peer.isPaused = true;
  else noteSent(peer, append.entries);
}

/** In replicate the answer is not waited for: the next message continues where this one ended. */
function noteSent(peer: PeerProgress, entries: readonly Entry[]): void {
  const last = entries.at(-1);
  if (last === undefined) return;
  peer.nextIndex = indexAfter(last.index);
  peer.inflight.add(last.index, dataBytes(entries));
}

/** The entries are compacted away. A follower that does not answer is not worth a snapshot. */
function askForSnapshot(node: NodeState, peer: PeerProgress): void {
  if (!isRecentlyActive(node, peer)) return;
  becomeSnapshot(peer);
  node.outbox.sendSnapshot(peer.id);
}
