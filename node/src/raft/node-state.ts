/**
 * Everything that one member remembers between steps. Names are those of Figure 2. This file only
 * holds the state and answers questions about it; each rule that changes it has a file of its own.
 */
import { assertInvariant } from "./assertion.ts";
import type { ConfigurationHistory } from "./configuration-history.ts";
import type { RaftLog } from "./log.ts";
import type { Outbox } from "./outbox.ts";
import type { PeerProgress } from "./progress.ts";
import type { LogIndex, NodeId, RaftOptions, Role, Term } from "./types.ts";
import type { UncommittedBytes } from "./uncommitted-bytes.ts";

/** A read that waits at the leader: its own, or a batch of a follower's. */
export type WaitingRead =
  | { readonly type: "local"; readonly id: number }
  | { readonly type: "remote"; readonly from: NodeId; readonly batch: number };

/** Reads whose confirmation is under way: acknowledgements of `sequence` or later prove them. */
export interface ReadRound {
  readonly sequence: number;
  readonly index: LogIndex;
  readonly reads: readonly WaitingRead[];
}

/** What only a leader has; lives as long as its leadership of one term. */
export interface Leadership {
  /** Index of the noop that began the term: committed ⇒ the leader knows what is committed. */
  readonly termStartIndex: LogIndex;
  readonly startedAtTick: number;
  readonly peers: Map<NodeId, PeerProgress>;
  readonly uncommitted: UncommittedBytes;
  /**
   * False from an election that this node won with its own vote alone until that vote is durable:
   * after a crash it could win the same term again, so nothing of the term may leave before.
   */
  isVoteDurable: boolean;
  heartbeatElapsedTicks: number;
  /** Some match index moved in this step. */
  isCommitDue: boolean;
  /** The step in which the uncommitted batch was begun. */
  batchStep: number;
  waitingReads: WaitingRead[];
  readRound: ReadRound | null;
}

/** Reads taken by a follower, on their way through the leader. */
export interface ForwardedReads {
  waiting: number[];
  /** The one batch that the leader was asked about. */
  asked: { readonly batch: number; readonly ids: readonly number[]; askedAtTick: number } | null;
  nextBatch: number;
}

/** A hand-over that was asked for and has neither succeeded nor failed. */
export interface Transfer {
  readonly id: number;
  readonly target: NodeId;
  elapsedTicks: number;
}

export interface NodeState {
  readonly id: NodeId;
  readonly options: RaftOptions;
  readonly random: () => number;
  readonly log: RaftLog;
  readonly configurations: ConfigurationHistory;
  readonly outbox: Outbox;

  currentTerm: Term;
  votedFor: NodeId | null;
  commitIndex: LogIndex;
  lastApplied: LogIndex;

  role: "follower" | "preCandidate" | "candidate" | "leader";
  leader: NodeId | null;
  /** False once the connection to the leader broke: it is then no reason to refuse a vote. */
  isLeaderReachable: boolean;
  /** Ticks since start. */
  ticks: number;
  /** Steps since start. */
  steps: number;
  electionElapsedTicks: number;
  /** Drawn anew at each change of role or term, in [T, 2T) of the election timeout T. */
  electionDeadlineTicks: number;
  /** Answers of the campaign under way. */
  votes: Map<NodeId, boolean>;

  leadership: Leadership | null;
  forwardedReads: ForwardedReads;
  transfer: Transfer | null;
  /** A TimeoutNow that came before a committed change of the members was applied here. */
  deferredTimeoutNow: { readonly term: Term; readonly atTick: number } | null;
  /** Made by this node as leader; never reused, whatever happens to its leadership. */
  readSequence: number;
}

/** The leader's state. @throws InvariantViolation on any other role. */
export function leadershipOf(node: NodeState): Leadership {
  const { leadership } = node;
  assertInvariant(leadership !== null, () => `node ${node.id} is ${node.role}, not the leader`);
  return leadership;
}

/** §8: only after an entry of its own term is committed does a leader know what is committed. */
export function hasCommittedInTerm(node: NodeState, leadership: Leadership): boolean {
  return node.commitIndex >= leadership.termStartIndex;
}

/** The role as told to others: a member that is no voter is a learner, whatever it waits for. */
export function roleOf(node: NodeState): Role {
  if (node.role === "leader") return "leader";
  if (node.role === "follower") {
    return node.configurations.isVoter(node.id) ? "follower" : "learner";
  }
  return "candidate";
}

/** Whether a follower was heard from within the last election timeout. */
export function isRecentlyActive(node: NodeState, peer: PeerProgress): boolean {
  return (
    peer.heardAtTick !== null && node.ticks - peer.heardAtTick <= node.options.electionTimeoutTicks
  );
}

/** Whether the leader may count on `id` now: itself, or a follower heard from lately. */
export function isLive(node: NodeState, leadership: Leadership, id: NodeId): boolean {
  if (id === node.id) return true;
  const peer = leadership.peers.get(id);
  return peer !== undefined && isRecentlyActive(node, peer);
}
