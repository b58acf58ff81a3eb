/** What the passing of time means for each role. All times are counts of ticks. */
import { mayCampaign, startPreVote } from "./election.ts";
import { broadcastHeartbeat } from "./heartbeat.ts";
import { tickLeaving, tickPromotion } from "./membership.ts";
import { isLive, type Leadership, type NodeState } from "./node-state.ts";
import { hasQuorum } from "./quorum.ts";
import { tickForwardedReads } from "./read-forwarding.ts";
import { becomeFollower, forgetLeader } from "./roles.ts";
import { continueTransfer, tickTransfer } from "./transfer.ts";

export function tick(node: NodeState): void {
  node.ticks += 1;
  tickTransfer(node);
  if (node.leadership === null) tickElection(node);
  else tickLeader(node, node.leadership);
}

/** Followers, learners and candidates: no leader was heard of for the drawn timeout (§5.2). */
function tickElection(node: NodeState): void {
  node.electionElapsedTicks += 1;
  tickForwardedReads(node);
  if (node.electionElapsedTicks < node.electionDeadlineTicks) return;
  node.electionElapsedTicks = 0;
  if (mayCampaign(node)) startPreVote(node);
  else forgetLeader(node);
}

function tickLeader(node: NodeState, leadership: Leadership): void {
  if (hasLostQuorum(node, leadership)) {
    becomeFollower(node, node.currentTerm, null);
    return;
  }
  tickPromotion(node, leadership);
  tickLeaving(node, leadership);
  leadership.heartbeatElapsedTicks += 1;
  if (leadership.heartbeatElapsedTicks < node.options.heartbeatTicks) return;
  broadcastHeartbeat(node, leadership);
  // TimeoutNow may have been lost; a copy reaches a candidate of a later term and is ignored.
  continueTransfer(node, leadership);
}

/** CheckQuorum (thesis §6.2): a leader that no majority has answered lately serves nobody. */
function hasLostQuorum(node: NodeState, leadership: Leadership): boolean {
  const { electionTimeoutTicks } = node.options;
  if (node.ticks - leadership.startedAtTick <= electionTimeoutTicks) return false;
  return !hasQuorum(node.configurations.voters, (id) => isLive(node, leadership, id));
}
