/**
 * Membership changes at the leader (thesis §4): one uncommitted change at a time, none before an
 * entry of the leader's term is committed (Ongaro, raft-dev 2015), and none that leaves a voter set
 * without a live majority.
 */

import { indexAfter } from "./log-index.ts";
import { planConfiguration, votersOf } from "./membership-plan.ts";
import {
  hasCommittedInTerm,
  isLive,
  isRecentlyActive,
  type Leadership,
  type NodeState,
} from "./node-state.ts";
import { appendConfiguration } from "./own-log.ts";
import type { PeerProgress } from "./progress.ts";
import { hasQuorum } from "./quorum.ts";
import { becomeFollower } from "./roles.ts";
import { mostCaughtUpVoter, sendTimeoutNow } from "./transfer.ts";
import type { MembershipChange, NodeId, RejectionReason } from "./types.ts";

type Refusal = { readonly reason: RejectionReason; readonly detail: string };

/** Carries out a `changeMembership` input. */
export function changeMembership(node: NodeState, id: number, change: MembershipChange): void {
  const { leadership, outbox } = node;
  if (leadership === null) {
    outbox.reject(id, "notLeader", `node ${node.id} is not the leader of ${node.currentTerm}`);
    return;
  }
  const refusal = refusalOf(node, leadership, change);
  if (refusal !== null) {
    outbox.reject(id, refusal.reason, `${change.type}: ${refusal.detail}`);
    return;
  }
  const index = indexAfter(node.log.lastIndex);
  const plan = planConfiguration(node.configurations.current, change, index);
  if (plan.type === "invalid") {
    outbox.reject(id, "changeInvalid", `${change.type}: ${plan.detail}`);
    return;
  }
  const voters = votersOf(plan.configuration);
  if (changesVoters(change) && !hasQuorum(voters, (voter) => isLive(node, leadership, voter))) {
    const silent = voters.filter((voter) => !isLive(node, leadership, voter));
    outbox.reject(id, "quorumAtRisk", `${change.type}: of voters ${voters}, ${silent} are silent`);
    return;
  }
  const entry = appendConfiguration(node, leadership, plan.configuration);
  outbox.accept({ id, index: entry.index, term: entry.term });
}

/** A learner or a new address moves no majority, and may be what brings a silent member back. */
function changesVoters(change: MembershipChange): boolean {
  return change.type !== "addLearner" && change.type !== "updateAddresses";
}

function refusalOf(
  node: NodeState,
  leadership: Leadership,
  change: MembershipChange,
): Refusal | null {
  const obstacle = changeObstacle(node, leadership);
  if (obstacle !== null) return obstacle;
  if (change.type !== "promote") return null;
  const peer = leadership.peers.get(change.nodeId);
  if (peer === undefined || keepsUp(node, peer)) return null;
  const gap = node.log.lastIndex - peer.matchIndex;
  const silence = isRecentlyActive(node, peer) ? "" : " and is silent";
  const limit = node.options.promotionGapMax;
  const detail = `node ${peer.id} lacks ${gap} entries, ${limit} are allowed${silence}`;
  return { reason: "learnerLagging", detail };
}

/** Whether a learner would be of use as a voter: it answers and has nearly everything. */
function keepsUp(node: NodeState, peer: PeerProgress): boolean {
  const gap = node.log.lastIndex - peer.matchIndex;
  return isRecentlyActive(node, peer) && gap <= node.options.promotionGapMax;
}

/** Why no change at all is possible now. */
function changeObstacle(node: NodeState, leadership: Leadership): Refusal | null {
  if (node.transfer !== null) {
    return { reason: "leaderNotReady", detail: `handing over to node ${node.transfer.target}` };
  }
  if (!hasCommittedInTerm(node, leadership)) {
    return { reason: "leaderNotReady", detail: `nothing is committed in term ${node.currentTerm}` };
  }
  if (node.configurations.index > node.commitIndex) {
    const detail = `the change at ${node.configurations.index} is not committed`;
    return { reason: "changePending", detail };
  }
  return null;
}

/** Promotes one learner that has kept up for long enough; the others wait for the commit. */
export function tickPromotion(node: NodeState, leadership: Leadership): void {
  const { promotionTicks } = node.options;
  if (promotionTicks === 0) return;
  for (const member of node.configurations.current.members) {
    if (member.role === "voter" || member.demoted === true) continue;
    if (countCaughtUpTicks(node, leadership, member.id) < promotionTicks) continue;
    if (changeObstacle(node, leadership) === null) promote(node, leadership, member.id);
  }
}

function countCaughtUpTicks(node: NodeState, leadership: Leadership, id: NodeId): number {
  const peer = leadership.peers.get(id);
  if (peer === undefined) return 0;
  peer.caughtUpTicks = keepsUp(node, peer) ? peer.caughtUpTicks + 1 : 0;
  return peer.caughtUpTicks;
}

function promote(node: NodeState, leadership: Leadership, nodeId: NodeId): void {
  const { configurations, log } = node;
  const change = { type: "promote", nodeId } as const;
  const plan = planConfiguration(configurations.current, change, indexAfter(log.lastIndex));
  if (plan.type === "invalid") return;
  const isSafe = hasQuorum(votersOf(plan.configuration), (id) => isLive(node, leadership, id));
  if (isSafe) appendConfiguration(node, leadership, plan.configuration);
}

/** A removed member is told of the commit of its removal for one election timeout, then let go. */
export function tickLeaving(node: NodeState, leadership: Leadership): void {
  for (const peer of leadership.peers.values()) {
    if (peer.leaving === null || peer.leaving.removalIndex > node.commitIndex) continue;
    peer.leaving.committedTicks += 1;
    if (peer.leaving.committedTicks > node.options.electionTimeoutTicks) {
      leadership.peers.delete(peer.id);
    }
  }
}

/**
 * Once its own removal or demotion is committed the leader steps down (thesis §4.2.2). The others
 * were sent the commit before; the most caught-up voter is told to take over without waiting.
 */
export function stepDownIfRemoved(node: NodeState, leadership: Leadership): void {
  const { configurations } = node;
  if (configurations.isVoter(node.id) || configurations.index > node.commitIndex) return;
  const successor = mostCaughtUpVoter(node, leadership);
  if (successor !== null) sendTimeoutNow(node, successor);
  becomeFollower(node, node.currentTerm, null);
}
