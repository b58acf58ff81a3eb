/**
 * Answering candidates (§5.2, §5.4.1, thesis §4.2.3 and §9.6). Every member answers, learners too:
 * the candidate may know of a promotion that this node does not.
 */
import type { NodeState } from "./node-state.ts";
import type { RequestPreVote, RequestVote } from "./types.ts";

/**
 * Whether a live leader is known: then no vote is given, so that a server which lost contact, or
 * was removed, cannot depose a leader that the others are content with (thesis §4.2.3).
 */
export function isLeaderAlive(node: NodeState): boolean {
  if (node.role === "leader") return true;
  return (
    node.leader !== null &&
    node.isLeaderReachable &&
    node.electionElapsedTicks < node.options.electionTimeoutTicks
  );
}

/** Would this node vote so? Nothing is remembered, so the answer waits for no write. */
export function handleRequestPreVote(node: NodeState, message: RequestPreVote): void {
  const voteGranted =
    !isLeaderAlive(node) &&
    (message.term > node.currentTerm || isVoteFree(node, message)) &&
    node.log.isUpToDate(message.lastLogIndex, message.lastLogTerm);
  node.outbox.send({
    type: "requestPreVoteResponse",
    from: node.id,
    to: message.from,
    // Granted: the term asked about. Refused: ours, from which a stale candidate learns.
    term: voteGranted ? message.term : node.currentTerm,
    voteGranted,
  });
}

/** One vote per term, first come, first served, for a log at least as up to date as ours. */
export function handleRequestVote(node: NodeState, message: RequestVote): void {
  const voteGranted =
    isVoteFree(node, message) && node.log.isUpToDate(message.lastLogIndex, message.lastLogTerm);
  if (voteGranted) {
    node.votedFor = message.from;
    node.electionElapsedTicks = 0;
  }
  node.outbox.sendAfterWrite({
    type: "requestVoteResponse",
    from: node.id,
    to: message.from,
    term: node.currentTerm,
    voteGranted,
  });
}

function isVoteFree(node: NodeState, message: RequestVote | RequestPreVote): boolean {
  if (node.votedFor === message.from) return true;
  return node.votedFor === null && node.leader === null;
}
