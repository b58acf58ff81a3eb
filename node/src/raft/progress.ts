/**
 * The leader's view of one follower, and the three states of its flow control. `probe`: one message
 * at a time, until the follower says where its log agrees. `replicate`: a stream within the
 * in-flight window. `snapshot`: nothing, until the state itself has arrived.
 */
import { InflightWindow } from "./inflight-window.ts";
import { higherIndex, indexAfter, lowerIndex } from "./log-index.ts";
import { type LogIndex, type NodeId, type RaftOptions, toLogIndex } from "./types.ts";

export interface PeerProgress {
  readonly id: NodeId;
  readonly inflight: InflightWindow;
  matchIndex: LogIndex;
  nextIndex: LogIndex;
  state: "probe" | "replicate" | "snapshot";
  /** probe: its message is out; wait for the answer or for an answered heartbeat. */
  isPaused: boolean;
  /** An append is due even if it is empty: its answer tells whether one was lost. */
  isAppendDue: boolean;
  /** `asked`: the store reads for this follower. `refused`: it had nothing; ask again later. */
  reading: "idle" | "asked" | "refused";
  /** The highest commit index sent to this follower. */
  commitSent: LogIndex;
  /** Tick of the last answer in this term; null: none yet. */
  heardAtTick: number | null;
  /** The highest ReadIndex round that this follower has confirmed. */
  readSequence: number;
  /** Ticks for which this learner's gap has stayed under the promotion limit. */
  caughtUpTicks: number;
  /**
   * Set once the configuration in force has no such member: it still gets the log until it was told
   * that its removal is committed, and counts for nothing.
   */
  leaving: { readonly removalIndex: LogIndex; committedTicks: number } | null;
}

/** A follower of which nothing is known: probe it at the end of the log (§5.3). */
export function newProgress(id: NodeId, nextIndex: LogIndex, options: RaftOptions): PeerProgress {
  const none = toLogIndex(0);
  return {
    id,
    inflight: new InflightWindow(options.inflightMessagesMax, options.inflightBytesMax),
    matchIndex: none,
    nextIndex,
    state: "probe",
    isPaused: false,
    isAppendDue: false,
    reading: "idle",
    commitSent: none,
    heardAtTick: null,
    readSequence: 0,
    caughtUpTicks: 0,
    leaving: null,
  };
}

/** Back to one message at a time, from where the follower is known to agree. */
export function becomeProbe(peer: PeerProgress, nextIndex: LogIndex): void {
  peer.state = "probe";
  peer.isPaused = false;
  peer.nextIndex = higherIndex(nextIndex, indexAfter(peer.matchIndex));
  // What it was told may be lost.
  peer.commitSent = toLogIndex(0);
  peer.inflight.clear();
}

export function becomeReplicate(peer: PeerProgress): void {
  peer.state = "replicate";
  peer.isPaused = false;
  peer.nextIndex = indexAfter(peer.matchIndex);
  peer.inflight.clear();
}

export function becomeSnapshot(peer: PeerProgress): void {
  peer.state = "snapshot";
  peer.isPaused = false;
  peer.inflight.clear();
}

/**
 * Everything up to `matchIndex` is durable on the follower.
 * @returns whether that is news, or ends a probe.
 */
export function acknowledge(peer: PeerProgress, matchIndex: LogIndex): boolean {
  if (matchIndex < peer.matchIndex) return false;
  const isNews = matchIndex > peer.matchIndex || peer.state === "probe";
  peer.matchIndex = matchIndex;
  peer.nextIndex = higherIndex(peer.nextIndex, indexAfter(matchIndex));
  peer.inflight.freeThrough(matchIndex);
  return isNews;
}

/**
 * The follower refused an append after `rejectedIndex` and may agree at `hint`.
 * @returns false when the refusal is stale and changed nothing.
 */
export function refuse(peer: PeerProgress, rejectedIndex: LogIndex, hint: LogIndex): boolean {
  if (peer.state === "snapshot" || rejectedIndex <= peer.matchIndex) return false;
  if (peer.state === "replicate") {
    becomeProbe(peer, indexAfter(peer.matchIndex));
    return true;
  }
  // In probe one message is out: a refusal of any other is a late copy.
  if (rejectedIndex !== peer.nextIndex - 1) return false;
  becomeProbe(peer, lowerIndex(rejectedIndex, indexAfter(hint)));
  return true;
}
