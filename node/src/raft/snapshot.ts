/**
 * Snapshots (§7, thesis §5): the core decides who needs one and what an installed one means for
 * the log, the commit index and the configuration. The bytes are the store's.
 */

import { acknowledgeAppend, commitTo } from "./append.ts";
import { assertInvariant } from "./assertion.ts";
import { higherIndex, indexAfter } from "./log-index.ts";
import type { NodeState } from "./node-state.ts";
import { acknowledge, becomeProbe } from "./progress.ts";
import { followLeader } from "./roles.ts";
import type { InstallSnapshot, LogIndex, NodeId, SnapshotMetadata } from "./types.ts";

/** A leader begins to stream a snapshot. One that this node does not need is answered at once. */
export function handleInstallSnapshot(node: NodeState, message: InstallSnapshot): void {
  followLeader(node, message.from);
  const { index, term } = message.snapshot;
  // A log that holds the snapshot's last entry holds all of it, and it is committed.
  if (node.log.term(index) === term) commitTo(node, index);
  if (index <= node.commitIndex) acknowledgeAppend(node, message.from, node.commitIndex);
}

/** The store has put a snapshot in the place of its state. */
export function snapshotInstalled(node: NodeState, snapshot: SnapshotMetadata): void {
  if (snapshot.index > node.commitIndex) restore(node, snapshot);
  if (node.leader !== null && node.leader !== node.id) {
    acknowledgeAppend(node, node.leader, node.commitIndex);
  }
}

function restore(node: NodeState, snapshot: SnapshotMetadata): void {
  const { index, term, configuration, configurationIndex } = snapshot;
  if (node.log.term(index) === term) {
    // What follows the snapshot may be acknowledged already: it stays (§7).
    node.log.persistedBySnapshot(index);
    node.log.compact(index, term);
    node.configurations.rebase(index, configurationIndex, configuration);
  } else {
    assertInvariant(
      node.role !== "leader",
      () => `leader ${node.id} lacks (${index}, term ${term}), which is committed`,
    );
    node.log.reset(index, term);
    node.outbox.discardEntries();
    node.configurations.reset(configurationIndex, configuration);
  }
  node.commitIndex = index;
  node.lastApplied = higherIndex(node.lastApplied, index);
}

/** The leader's driver tells how a snapshot fared; a stale report changes nothing. */
export function snapshotSent(
  node: NodeState,
  report: { readonly to: NodeId; readonly index: LogIndex; readonly delivered: boolean },
): void {
  const peer = node.leadership?.peers.get(report.to);
  if (peer?.state !== "snapshot") return;
  // Delivered means installed and durable, so an older refusal that comes late is recognised.
  if (report.delivered) acknowledge(peer, report.index);
  becomeProbe(peer, indexAfter(peer.matchIndex));
  // Not before it is heard from: else a snapshot that fails at once would be sent again at once.
  peer.isPaused = true;
}
