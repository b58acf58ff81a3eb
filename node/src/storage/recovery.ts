/**
 * Brings log and state together at start. After a crash the state may be behind the log (it is
 * written without a sync and applied again) and, right after a snapshot was installed, ahead of a
 * log that was not reset yet. Everything else is damage, and refused with both names.
 */
import { type RaftRestore, toLogIndex, toTerm } from "../raft/index.ts";
import { corrupt } from "./errors.ts";
import type { Files } from "./files.ts";
import type { SegmentedLog } from "./log/log.ts";
import { type CurrentState, type MemberRecord, writeCurrent } from "./member-files.ts";
import type { StateStore } from "./state/index.ts";

export interface FoundOnDisk {
  readonly member: string;
  readonly record: MemberRecord;
  readonly current: CurrentState;
  readonly log: SegmentedLog;
  readonly state: StateStore;
}

/**
 * Finishes a snapshot install that a crash cut short after its commit point: the log gives way to
 * the snapshot unless it holds the snapshot's last entry.
 */
export const finishInstall = (
  files: Files,
  { member, current, log, state }: FoundOnDisk,
): CurrentState => {
  const { pendingSnapshot } = current;
  if (pendingSnapshot === null) return current;
  const { index, term } = pendingSnapshot;
  const { appliedIndex } = state.summary;
  if (appliedIndex < index) {
    const lost = `ends at entry ${appliedIndex}, the snapshot it came from at ${index}`;
    throw corrupt(`${member}/${current.state}`, lost);
  }
  if (log.termAt(index) !== term) log.reset(index, term);
  const finished = { ...current, pendingSnapshot: null };
  writeCurrent(files, member, finished);
  return finished;
};

/** @throws StorageError CORRUPT when log and state cannot be of one history */
export const checkAgreement = ({ member, current, log, state }: FoundOnDisk): void => {
  const { appliedIndex, appliedTerm } = state.summary;
  const where = `${member}/${current.state} and ${member}/log`;
  const bounds = `the log holds entries ${log.baseIndex + 1} to ${log.lastIndex}`;
  if (appliedIndex < log.baseIndex) {
    throw corrupt(where, `the state ends at entry ${appliedIndex}, ${bounds}`);
  }
  if (appliedIndex > log.lastIndex) {
    throw corrupt(where, `the state has applied entry ${appliedIndex}, ${bounds}`);
  }
  const term = log.termAt(appliedIndex);
  if (term !== appliedTerm) {
    const terms = `of term ${appliedTerm} in the state, of term ${term} in the log`;
    throw corrupt(where, `entry ${appliedIndex} is ${terms}`);
  }
};

/** What the core starts from. */
export const toRestore = ({ record, log, state }: FoundOnDisk): RaftRestore => {
  const { appliedIndex } = state.summary;
  const isTold = state.configurationIndex > 0;
  return {
    id: record.identity.nodeId,
    hardState: log.hardState,
    compactedIndex: toLogIndex(log.baseIndex),
    compactedTerm: toTerm(log.baseTerm),
    termRuns: log.termRuns(),
    lastIndex: toLogIndex(log.lastIndex),
    appliedIndex,
    configuration: isTold ? state.configuration : record.provisional,
    configurationIndex: state.configurationIndex,
    configurationEntries: log.configurationsAfter(appliedIndex),
  };
};
