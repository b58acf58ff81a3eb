/**
 * The transitions between follower, candidate and leader. They alone change the term, and a vote is
 * forgotten only when the term changes: stepping down within a term keeps it (CCF #8094).
 */
import { assertInvariant } from "./assertion.ts";
import { indexAfter, termAfter } from "./log-index.ts";
import type { Leadership, NodeState } from "./node-state.ts";
import { appendOwn, refreshPeers } from "./own-log.ts";
import { newProgress } from "./progress.ts";
import { dropForwardedReads } from "./read-forwarding.ts";
import { dropReads } from "./read-index.ts";
import { settleTransfer } from "./transfer.ts";
import type { NodeId, Term } from "./types.ts";
import { UncommittedBytes } from "./uncommitted-bytes.ts";

const NO_DATA = new Uint8Array(0);

/** Follows `leader` (null: none known) in `term`, which is the current one or a later one. */
export function becomeFollower(node: NodeState, term: Term, leader: NodeId | null): void {
  assertInvariant(term >= node.currentTerm, () => `term back from ${node.currentTerm} to ${term}`);
  if (term > node.currentTerm) {
    node.currentTerm = term;
    node.votedFor = null;
  }
  if (node.leadership !== null) dropReads(node, node.leadership);
  node.leadership = null;
  node.role = "follower";
  node.votes = new Map();
  restartElectionTimer(node);
  setLeader(node, leader);
}

/** A message of the current term's leader arrived. */
export function followLeader(node: NodeState, leader: NodeId): void {
  assertInvariant(
    node.role !== "leader",
    () => `node ${node.id} and node ${leader} both lead term ${node.currentTerm}`,
  );
  if (node.role !== "follower" || !node.isLeaderReachable) {
    becomeFollower(node, node.currentTerm, leader);
    return;
  }
  node.electionElapsedTicks = 0;
  setLeader(node, leader);
}

/**
 * The connection to the leader broke. A process that died breaks all of its connections at once, a
 * leader that lives is heard of again with its next heartbeat: so the wait becomes little longer
 * than that. Drawn, so that the survivors do not split the vote. Where the leader lives after all,
 * those who hear from it refuse their pre-vote (§9.6).
 */
export function doubtLeader(node: NodeState): void {
  node.isLeaderReachable = false;
  const { heartbeatTicks, electionTimeoutTicks } = node.options;
  const spread = Math.floor(node.random() * (electionTimeoutTicks / 2));
  const soon = node.electionElapsedTicks + heartbeatTicks + 1 + spread;
  if (soon < node.electionDeadlineTicks) node.electionDeadlineTicks = soon;
}

/** No leader was heard of for an election timeout. */
export function forgetLeader(node: NodeState): void {
  setLeader(node, null);
}

/** Asks whether an election could be won, without touching the term (§9.6). */
export function becomePreCandidate(node: NodeState): void {
  node.role = "preCandidate";
  restartElectionTimer(node);
  setLeader(node, null);
  startVotes(node);
}

/** A new term, with this node's own vote in the same durable write (hashicorp/raft #661). */
export function becomeCandidate(node: NodeState): void {
  node.currentTerm = termAfter(node.currentTerm);
  node.votedFor = node.id;
  node.role = "candidate";
  restartElectionTimer(node);
  setLeader(node, null);
  startVotes(node);
}

/** Starts the term with a noop, by whose commit everything before it is committed (§5.4.2, §8). */
export function becomeLeader(node: NodeState): void {
  assertInvariant(node.role === "candidate", () => `node ${node.id} won as ${node.role}`);
  const nextIndex = indexAfter(node.log.lastIndex);
  const isVoteDurable = [...node.votes].some(([id, granted]) => granted && id !== node.id);
  const leadership: Leadership = {
    termStartIndex: nextIndex,
    startedAtTick: node.ticks,
    peers: new Map(),
    uncommitted: new UncommittedBytes(),
    isVoteDurable,
    heartbeatElapsedTicks: 0,
    isCommitDue: true,
    batchStep: node.steps,
    waitingReads: [],
    readRound: null,
  };
  node.role = "leader";
  node.leadership = leadership;
  setLeader(node, node.id);
  settleTransfer(node, node.id);
  for (const id of node.configurations.membersRemovedAfter(node.commitIndex)) {
    if (id !== node.id) leadership.peers.set(id, newProgress(id, nextIndex, node.options));
  }
  refreshPeers(node, leadership, nextIndex);
  appendOwn(node, "noop", NO_DATA);
}

function startVotes(node: NodeState): void {
  node.votes = new Map();
  // A server that its own latest configuration removes may have to lead until that is committed,
  // but never counts its own vote (thesis §4.2.2).
  if (node.configurations.isVoter(node.id)) node.votes.set(node.id, true);
}

/** Draws a new timeout, so that split votes do not repeat (§5.2). */
function restartElectionTimer(node: NodeState): void {
  const { electionTimeoutTicks } = node.options;
  node.electionElapsedTicks = 0;
  node.electionDeadlineTicks =
    electionTimeoutTicks + Math.floor(node.random() * electionTimeoutTicks);
}

function setLeader(node: NodeState, leader: NodeId | null): void {
  node.isLeaderReachable = true;
  if (node.leader === leader) return;
  node.leader = leader;
  dropForwardedReads(node);
  if (leader !== null && leader !== node.id) settleTransfer(node, leader);
}
