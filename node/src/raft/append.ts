/**
 * AppendEntries at a follower (§5.3): the consistency check, the repair of conflicts, the commit
 * index. Committed entries are never removed, whatever arrives and however late.
 */
import { assertInvariant } from "./assertion.ts";
import { decodeConfiguration } from "./configuration-codec.ts";
import { higherIndex, lowerIndex } from "./log-index.ts";
import type { NodeState } from "./node-state.ts";
import { followLeader } from "./roles.ts";
import {
  type AppendEntries,
  type Entry,
  type Heartbeat,
  type LogIndex,
  type NodeId,
  toLogIndex,
  toTerm,
} from "./types.ts";

export function handleAppendEntries(node: NodeState, message: AppendEntries): void {
  followLeader(node, message.from);
  const { prevLogIndex, prevLogTerm, entries } = message;
  if (prevLogIndex < node.commitIndex) {
    // What is committed is known to agree, so the leader may go on from there.
    acknowledgeAppend(node, message.from, node.commitIndex);
    return;
  }
  if (node.log.term(prevLogIndex) !== prevLogTerm) {
    refuseAppend(node, message);
    return;
  }
  storeEntries(node, prevLogIndex, entries);
  const lastNew = toLogIndex(prevLogIndex + entries.length);
  const commitBefore = node.commitIndex;
  // min(leaderCommit, index of last new entry): what follows it may be another leader's (Figure 2).
  commitTo(node, lowerIndex(message.leaderCommit, lastNew));
  // A notice of a commit: the entries that it speaks of were acknowledged when they came.
  if (entries.length === 0 && node.commitIndex > commitBefore) return;
  acknowledgeAppend(node, message.from, lastNew);
}

/** Carries the commit index to idle followers; the answer waits for no write. */
export function handleHeartbeat(node: NodeState, message: Heartbeat): void {
  followLeader(node, message.from);
  commitTo(node, message.leaderCommit);
  node.outbox.send({
    type: "heartbeatResponse",
    from: node.id,
    to: message.from,
    term: node.currentTerm,
    readSequence: message.readSequence,
  });
}

/** Appends an entry that came from a leader, and puts a configuration in force (thesis §4.1). */
function appendEntry(node: NodeState, entry: Entry): void {
  node.log.append(entry);
  node.outbox.write(entry);
  if (entry.type === "configuration") {
    node.configurations.append(entry.index, decodeConfiguration(entry.data));
  }
}

function storeEntries(node: NodeState, prevLogIndex: LogIndex, entries: readonly Entry[]): void {
  let expected = prevLogIndex + 1;
  for (const entry of entries) {
    assertInvariant(
      entry.index === expected,
      () => `append after ${prevLogIndex} holds ${entry.index}, expected ${expected}`,
    );
    expected += 1;
    if (entry.index <= node.log.lastIndex) {
      // A late or repeated message: what agrees stays, and so does all that follows it.
      if (node.log.term(entry.index) === entry.term) continue;
      removeConflict(node, entry);
    }
    appendEntry(node, entry);
  }
}

/** Only a real conflict cuts the log, and with it the configurations that were not committed. */
function removeConflict(node: NodeState, entry: Entry): void {
  assertInvariant(
    entry.index > node.commitIndex,
    () =>
      `entry (${entry.index}, term ${entry.term}) conflicts with term ` +
      `${node.log.term(entry.index)}, committed up to ${node.commitIndex}`,
  );
  node.log.truncateFrom(entry.index);
  node.configurations.truncateFrom(entry.index);
}

/** Moves the commit index forward, never back. */
export function commitTo(node: NodeState, index: LogIndex): void {
  assertInvariant(
    index <= node.log.lastIndex,
    () => `commit ${index} is after the last entry ${node.log.lastIndex}: was the log lost?`,
  );
  node.commitIndex = higherIndex(node.commitIndex, index);
}

/** All up to `matchIndex` is durable once this step's write, or the last before it, is. */
export function acknowledgeAppend(node: NodeState, leader: NodeId, matchIndex: LogIndex): void {
  node.outbox.acknowledge({
    type: "appendEntriesResponse",
    from: node.id,
    to: leader,
    term: node.currentTerm,
    success: true,
    matchIndex,
    rejectedIndex: toLogIndex(0),
    conflictIndex: toLogIndex(0),
    conflictTerm: toTerm(0),
  });
}

/**
 * Says where the logs may agree, so that the leader skips whole terms (end of §5.3). A refusal
 * promises nothing, so it waits for no write.
 */
function refuseAppend(node: NodeState, message: AppendEntries): void {
  const { prevLogIndex, prevLogTerm } = message;
  const hint = node.log.lastAtMost(lowerIndex(prevLogIndex, node.log.lastIndex), prevLogTerm);
  node.outbox.send({
    type: "appendEntriesResponse",
    from: node.id,
    to: message.from,
    term: node.currentTerm,
    success: false,
    matchIndex: toLogIndex(0),
    rejectedIndex: prevLogIndex,
    conflictIndex: hint.index,
    conflictTerm: hint.term ?? toTerm(0),
  });
}

/** To a leader of an older term: from the term of this answer it learns that it is deposed. */
export function answerStaleLeader(node: NodeState, leader: NodeId): void {
  node.outbox.send({
    type: "appendEntriesResponse",
    from: node.id,
    to: leader,
    term: node.currentTerm,
    success: false,
    matchIndex: toLogIndex(0),
    rejectedIndex: toLogIndex(0),
    conflictIndex: toLogIndex(0),
    conflictTerm: toTerm(0),
  });
}
