/**
 * What a leader appends to its own log: proposals, the noop of its term, configurations. The write
 * goes to the disk in parallel with replication (thesis §10.2.1); this file never counts it.
 */
import { encodeConfiguration } from "./configuration-codec.ts";
import { indexAfter } from "./log-index.ts";
import type { Leadership, NodeState } from "./node-state.ts";
import { newProgress } from "./progress.ts";
import type { Configuration, Entry, EntryType, Input, LogIndex } from "./types.ts";

/** Appends one entry of the current term. */
export function appendOwn(node: NodeState, type: EntryType, data: Uint8Array): Entry {
  const entry: Entry = {
    index: indexAfter(node.log.lastIndex),
    term: node.currentTerm,
    type,
    data,
  };
  node.log.append(entry);
  node.outbox.write(entry);
  return entry;
}

/** Appends a configuration, which is in force from here on (thesis §4.1). */
export function appendConfiguration(
  node: NodeState,
  leadership: Leadership,
  configuration: Configuration,
): Entry {
  const entry = appendOwn(node, "configuration", encodeConfiguration(configuration));
  node.configurations.append(entry.index, configuration);
  refreshPeers(node, leadership, indexAfter(entry.index));
  // A smaller quorum may already hold what the larger one did not.
  leadership.isCommitDue = true;
  return entry;
}

/** Makes the leader follow the configuration in force: new peers are probed, removed ones leave. */
export function refreshPeers(node: NodeState, leadership: Leadership, nextIndex: LogIndex): void {
  const { configurations } = node;
  for (const { id } of configurations.current.members) {
    if (id === node.id || leadership.peers.has(id)) continue;
    leadership.peers.set(id, newProgress(id, nextIndex, node.options));
  }
  for (const peer of leadership.peers.values()) {
    if (peer.leaving !== null || configurations.member(peer.id) !== undefined) continue;
    peer.leaving = { removalIndex: configurations.index, committedTicks: 0 };
  }
}

/** Carries out a `propose` input. Many in one step become one write. */
export function propose(node: NodeState, input: Extract<Input, { type: "propose" }>): void {
  const { leadership, options, currentTerm } = node;
  const { id, data, term = currentTerm } = input;
  if (leadership === null || term !== currentTerm) {
    const role = leadership === null ? "not the leader" : "the leader";
    node.outbox.reject(id, "notLeader", `node ${node.id} is ${role} of term ${currentTerm}`);
    return;
  }
  if (node.transfer !== null) {
    node.outbox.reject(id, "leaderNotReady", `handing over to node ${node.transfer.target}`);
    return;
  }
  const { uncommitted } = leadership;
  // One proposal is always let through, so that none is too large for ever.
  if (uncommitted.total > 0 && uncommitted.total + data.length > options.uncommittedBytesMax) {
    node.outbox.reject(
      id,
      "overloaded",
      `${uncommitted.total} bytes uncommitted and ${data.length} more, ` +
        `${options.uncommittedBytesMax} are allowed`,
    );
    return;
  }
  const entry = appendOwn(node, "command", data);
  uncommitted.add(entry.index, data.length, leadership.batchStep !== node.steps);
  leadership.batchStep = node.steps;
  node.outbox.accept({ id, index: entry.index, term: entry.term });
}
