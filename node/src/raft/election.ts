/**
 * Campaigns: who may stand, how votes are asked for and counted (§5.2, §5.4.1, thesis §9.6).
 */

import { termAfter } from "./log-index.ts";
import type { NodeState } from "./node-state.ts";
import { tallyVotes } from "./quorum.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import type { RequestPreVoteResponse, RequestVoteResponse, TimeoutNow } from "./types.ts";

/**
 * Whether this node may stand: a voter of the configuration in force, or of the last committed one
 * while the change that excludes it is not committed, because it may be the only one that has the
 * entry (thesis §4.2.2). Nobody stands before its state machine has seen every committed change of
 * the members (etcd #7280).
 */
export function mayCampaign(node: NodeState): boolean {
  const { configurations, commitIndex, lastApplied } = node;
  if (configurations.hasChangeIn(lastApplied, commitIndex)) return false;
  return configurations.isVoter(node.id) || configurations.isVoterAt(node.id, commitIndex);
}

/** The election timeout passed. */
export function startPreVote(node: NodeState): void {
  becomePreCandidate(node);
  if (tallyVotes(node.configurations.voters, node.votes) === "won") {
    startElection(node, false);
    return;
  }
  for (const to of node.configurations.voters) {
    if (to === node.id) continue;
    node.outbox.send({
      type: "requestPreVote",
      from: node.id,
      to,
      term: termAfter(node.currentTerm),
      lastLogIndex: node.log.lastIndex,
      lastLogTerm: node.log.lastTerm,
    });
  }
}

function startElection(node: NodeState, leadershipTransfer: boolean): void {
  becomeCandidate(node);
  if (tallyVotes(node.configurations.voters, node.votes) === "won") {
    becomeLeader(node);
    return;
  }
  for (const to of node.configurations.voters) {
    if (to === node.id) continue;
    // Waits for the write: it says that this node's own vote of the term is given.
    node.outbox.sendAfterWrite({
      type: "requestVote",
      from: node.id,
      to,
      term: node.currentTerm,
      lastLogIndex: node.log.lastIndex,
      lastLogTerm: node.log.lastTerm,
      leadershipTransfer,
    });
  }
}

export function handleRequestPreVoteResponse(
  node: NodeState,
  message: RequestPreVoteResponse,
): void {
  const answersThisCampaign = message.voteGranted
    ? message.term === node.currentTerm + 1
    : message.term === node.currentTerm;
  if (node.role !== "preCandidate" || !answersThisCampaign) return;
  const outcome = countVote(node, message);
  if (outcome === "won") startElection(node, false);
  else if (outcome === "lost") becomeFollower(node, node.currentTerm, null);
}

export function handleRequestVoteResponse(node: NodeState, message: RequestVoteResponse): void {
  if (node.role !== "candidate") return;
  const outcome = countVote(node, message);
  if (outcome === "won") becomeLeader(node);
  else if (outcome === "lost") becomeFollower(node, node.currentTerm, null);
}

/** The leader wants this node to take over now: no pre-vote, and live leaders are no obstacle. */
export function handleTimeoutNow(node: NodeState, message: TimeoutNow): void {
  if (node.role !== "follower" || node.leader !== message.from) return;
  if (mayCampaign(node)) startElection(node, true);
  // A leader that leaves says so together with the commit of its removal.
  else node.deferredTimeoutNow = { term: message.term, atTick: node.ticks };
}

/** The state machine moved on: what a TimeoutNow waited for may have been applied. */
export function resumeTimeoutNow(node: NodeState): void {
  const deferred = node.deferredTimeoutNow;
  if (deferred === null) return;
  const isStale =
    deferred.term !== node.currentTerm ||
    node.role !== "follower" ||
    node.ticks - deferred.atTick >= node.options.electionTimeoutTicks;
  if (!isStale && !mayCampaign(node)) return;
  node.deferredTimeoutNow = null;
  if (!isStale) startElection(node, true);
}

function countVote(
  node: NodeState,
  message: RequestVoteResponse | RequestPreVoteResponse,
): "won" | "lost" | "pending" {
  // The first answer counts: a server answers once per term, the rest are copies.
  if (!node.votes.has(message.from)) node.votes.set(message.from, message.voteGranted);
  return tallyVotes(node.configurations.voters, node.votes);
}
