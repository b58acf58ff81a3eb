/** Builds a member's state from what its disk has, and refuses what contradicts itself. */
import { assertInvariant } from "./assertion.ts";
import { decodeConfiguration } from "./configuration-codec.ts";
import { ConfigurationHistory } from "./configuration-history.ts";
import { RaftLog } from "./log.ts";
import { higherIndex } from "./log-index.ts";
import type { NodeState } from "./node-state.ts";
import { Outbox } from "./outbox.ts";
import type { RaftOptions, RaftRestore } from "./types.ts";

/** Read batches of two lives of a process must not be confused: an old answer may still arrive. */
const READ_BATCH_START_MAX = 2 ** 48;

/** A follower that knows no leader, whatever the node was before. */
export function restoreNode(
  options: RaftOptions,
  restore: RaftRestore,
  random: () => number,
): NodeState {
  checkOptions(options);
  checkRestore(restore);
  return {
    id: restore.id,
    options,
    random,
    log: new RaftLog(restore),
    configurations: restoreConfigurations(restore),
    outbox: new Outbox(),
    currentTerm: restore.hardState.currentTerm,
    votedFor: restore.hardState.votedFor,
    commitIndex: higherIndex(restore.appliedIndex, restore.compactedIndex),
    lastApplied: restore.appliedIndex,
    role: "follower",
    leader: null,
    isLeaderReachable: true,
    ticks: 0,
    steps: 0,
    electionElapsedTicks: 0,
    electionDeadlineTicks:
      options.electionTimeoutTicks + Math.floor(random() * options.electionTimeoutTicks),
    votes: new Map(),
    leadership: null,
    forwardedReads: {
      waiting: [],
      asked: null,
      nextBatch: 1 + Math.floor(random() * READ_BATCH_START_MAX),
    },
    transfer: null,
    deferredTimeoutNow: null,
    readSequence: 0,
  };
}

function restoreConfigurations(restore: RaftRestore): ConfigurationHistory {
  const history = new ConfigurationHistory(restore.configurationIndex, restore.configuration);
  for (const { index, data } of restore.configurationEntries) {
    history.append(index, decodeConfiguration(data));
  }
  return history;
}

function checkRestore(restore: RaftRestore): void {
  const { compactedIndex, appliedIndex, lastIndex, termRuns, hardState } = restore;
  assertInvariant(
    compactedIndex <= appliedIndex && appliedIndex <= lastIndex,
    () => `restored: compacted ${compactedIndex}, applied ${appliedIndex}, last ${lastIndex}`,
  );
  const lastTerm = termRuns.at(-1)?.term ?? restore.compactedTerm;
  assertInvariant(
    lastTerm <= hardState.currentTerm,
    () => `restored: last entry of term ${lastTerm}, current term ${hardState.currentTerm}`,
  );
}

function checkOptions(options: RaftOptions): void {
  const { electionTimeoutTicks, heartbeatTicks } = options;
  assertInvariant(
    heartbeatTicks >= 1 && electionTimeoutTicks > heartbeatTicks,
    () => `election timeout ${electionTimeoutTicks} ticks, heartbeat ${heartbeatTicks} ticks`,
  );
}
