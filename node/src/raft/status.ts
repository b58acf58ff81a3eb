/** The view of the core that its driver, the API and the metrics get. */
import { isRecentlyActive, type NodeState, roleOf } from "./node-state.ts";
import type { Progress, RaftStatus } from "./types.ts";

export function statusOf(node: NodeState): RaftStatus {
  return {
    id: node.id,
    role: roleOf(node),
    term: node.currentTerm,
    votedFor: node.votedFor,
    leader: node.leader,
    commitIndex: node.commitIndex,
    lastIndex: node.log.lastIndex,
    persistedIndex: node.log.persistedIndex,
    firstIndex: node.log.firstIndex,
    configuration: node.configurations.current,
    configurationIndex: node.configurations.index,
    transferTarget: node.leadership === null ? null : (node.transfer?.target ?? null),
    progress: progressOf(node),
  };
}

function progressOf(node: NodeState): readonly Progress[] {
  const peers = [...(node.leadership?.peers.values() ?? [])].sort((a, b) => a.id - b.id);
  return peers.map((peer) => ({
    id: peer.id,
    matchIndex: peer.matchIndex,
    nextIndex: peer.nextIndex,
    state: peer.state,
    recentActive: isRecentlyActive(node, peer),
  }));
}
