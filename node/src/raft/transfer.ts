/**
 * Handing leadership over (thesis §3.10): bring the target up to date, take no new proposals
 * meanwhile, then tell it to campaign at once. It is given up after an election timeout.
 */
import { sendAsLeader } from "./heartbeat.ts";
import { isLive, type Leadership, type NodeState } from "./node-state.ts";
import type { NodeId } from "./types.ts";

/** Carries out a `transferLeadership` input. */
export function transferLeadership(node: NodeState, id: number, wanted: NodeId | null): void {
  const { leadership, outbox } = node;
  if (leadership === null) {
    outbox.reject(id, "notLeader", `node ${node.id} is not the leader of ${node.currentTerm}`);
    return;
  }
  if (node.transfer !== null) {
    outbox.reject(id, "leaderNotReady", `handing over to node ${node.transfer.target}`);
    return;
  }
  const target = wanted ?? mostCaughtUpVoter(node, leadership);
  if (target === null || !node.configurations.isVoter(target)) {
    outbox.reject(
      id,
      "transferFailed",
      `${target === null ? "no other voter" : `node ${target} is no voter`}`,
    );
    return;
  }
  if (target === node.id) {
    outbox.transferred(id);
    return;
  }
  node.transfer = { id, target, elapsedTicks: 0 };
  continueTransfer(node, leadership);
}

/** Tells the target to campaign once it has everything; nothing is appended meanwhile. */
export function continueTransfer(node: NodeState, leadership: Leadership): void {
  const target = node.transfer?.target;
  const peer = target === undefined ? undefined : leadership.peers.get(target);
  if (peer === undefined) return;
  if (peer.matchIndex === node.log.lastIndex) sendTimeoutNow(node, peer.id);
  else peer.isAppendDue = true;
}

export function sendTimeoutNow(node: NodeState, to: NodeId): void {
  sendAsLeader(node, { type: "timeoutNow", from: node.id, to, term: node.currentTerm });
}

/** The live voter, other than this node, that holds most of the log; null without one. */
export function mostCaughtUpVoter(node: NodeState, leadership: Leadership): NodeId | null {
  let best: NodeId | null = null;
  let bestMatch = -1;
  for (const id of node.configurations.voters) {
    if (id === node.id || !isLive(node, leadership, id)) continue;
    const matchIndex = leadership.peers.get(id)?.matchIndex ?? 0;
    if (matchIndex <= bestMatch) continue;
    best = id;
    bestMatch = matchIndex;
  }
  return best;
}

/** Gives up after an election timeout; the leader then takes proposals again. */
export function tickTransfer(node: NodeState): void {
  const { transfer } = node;
  if (transfer === null) return;
  transfer.elapsedTicks += 1;
  if (transfer.elapsedTicks < node.options.electionTimeoutTicks) return;
  node.transfer = null;
  node.outbox.reject(
    transfer.id,
    "transferFailed",
    `node ${transfer.target} did not take over in ${transfer.elapsedTicks} ticks`,
  );
}

/** Another leader is known: whoever it is, this node has handed over. */
export function settleTransfer(node: NodeState, leader: NodeId): void {
  const { transfer } = node;
  if (transfer === null) return;
  node.transfer = null;
  if (leader !== node.id) node.outbox.transferred(transfer.id);
  else node.outbox.reject(transfer.id, "transferFailed", `node ${node.id} leads again`);
}
