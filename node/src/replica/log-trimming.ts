/** Decides how far the log may be trimmed. Pure: everything it needs is an argument. */
import { type LogIndex, type RaftStatus, toLogIndex } from "../raft/index.ts";

export interface TrimLimits {
  readonly logEntriesKept: number;
  readonly logEntriesKeptMax: number;
  readonly logTrimEntries: number;
}

export interface TrimFacts {
  readonly status: RaftStatus;
  readonly appliedIndex: LogIndex;
  /** A snapshot that ends here is on its way to a follower, which will need the log after it. */
  readonly snapshotInFlight: LogIndex | null;
}

/**
 * The index up to which the log may go, or null when it is not worth the work yet. Keeps
 * `logEntriesKept` applied entries; on a leader also what a live follower or a snapshot in flight
 * still needs, up to `logEntriesKeptMax` (a follower that is gone must not fill the disk).
 */
export const trimTarget = (limits: TrimLimits, facts: TrimFacts): LogIndex | null => {
  const { status, appliedIndex, snapshotInFlight } = facts;
  let target = appliedIndex - limits.logEntriesKept;
  for (const { matchIndex, recentActive } of status.progress) {
    if (recentActive) target = Math.min(target, matchIndex);
  }
  if (snapshotInFlight !== null) target = Math.min(target, snapshotInFlight);
  target = Math.max(target, appliedIndex - limits.logEntriesKeptMax);
  const trimmed = target - (status.firstIndex - 1);
  return trimmed >= limits.logTrimEntries ? toLogIndex(target) : null;
};
