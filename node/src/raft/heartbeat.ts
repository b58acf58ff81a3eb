/**
 * Heartbeats: they keep the leader known, carry the commit index to idle followers and confirm
 * ReadIndex rounds (§6.4). Their answers wait for no disk.
 */
import { lowerIndex } from "./log-index.ts";
import { type Leadership, leadershipOf, type NodeState } from "./node-state.ts";
import type { PeerProgress } from "./progress.ts";
import type { Message } from "./types.ts";

/** Sends what only the leader of this term may say. */
export function sendAsLeader(node: NodeState, message: Message): void {
  if (leadershipOf(node).isVoteDurable) node.outbox.send(message);
  else node.outbox.sendAfterWrite(message);
}

/** One heartbeat to every follower. */
export function broadcastHeartbeat(node: NodeState, leadership: Leadership): void {
  leadership.heartbeatElapsedTicks = 0;
  for (const peer of leadership.peers.values()) sendHeartbeat(node, leadership, peer);
}

/** One heartbeat to every voter, for a round of reads; learners confirm nothing. */
export function broadcastReadRound(node: NodeState, leadership: Leadership): void {
  for (const id of node.configurations.voters) {
    const peer = leadership.peers.get(id);
    if (peer !== undefined) sendHeartbeat(node, leadership, peer);
  }
}

function sendHeartbeat(node: NodeState, leadership: Leadership, peer: PeerProgress): void {
  // Never beyond what the follower is known to hold: it may have other entries after that.
  const leaderCommit = lowerIndex(peer.matchIndex, node.commitIndex);
  if (leaderCommit > peer.commitSent) peer.commitSent = leaderCommit;
  sendAsLeader(node, {
    type: "heartbeat",
    from: node.id,
    to: peer.id,
    term: node.currentTerm,
    leaderCommit,
    readSequence: leadership.readRound?.sequence ?? 0,
  });
}
