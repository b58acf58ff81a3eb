/** Turns the configuration, whose times are milliseconds, into the driver's options in ticks. */
import { randomInt } from "node:crypto";
import type { Config } from "./config/index.ts";
import type { RaftOptions } from "./raft/index.ts";
import type { ReplicaOptions } from "./replica/index.ts";

/** Draws the origin of one life of a node: below 2^48, the most that `randomInt` draws. */
const ORIGIN_MAX = 2 ** 48 - 1;

const toTicks = (ms: number, tickMs: number): number => Math.max(1, Math.ceil(ms / tickMs));

const raftOptions = ({ raft }: Config): RaftOptions => ({
  electionTimeoutTicks: toTicks(raft.electionTimeoutMs, raft.tickMs),
  heartbeatTicks: toTicks(raft.heartbeatIntervalMs, raft.tickMs),
  appendBytesMax: raft.appendBytesMax,
  appendsAheadMax: raft.appendsAheadMax,
  inflightMessagesMax: raft.inflightMessagesMax,
  inflightBytesMax: raft.inflightBytesMax,
  uncommittedBytesMax: raft.uncommittedBytesMax,
  cacheBytesMax: raft.cacheBytesMax,
  promotionGapMax: raft.promotionGapMax,
  promotionTicks: raft.promotionMs === 0 ? 0 : toTicks(raft.promotionMs, raft.tickMs),
  pendingReadsMax: raft.pendingReadsMax,
});

export const replicaOptions = (config: Config): ReplicaOptions => ({
  raft: raftOptions(config),
  tickMs: config.raft.tickMs,
  origin: randomInt(ORIGIN_MAX),
  ...config.replica,
  logEntriesKept: config.log.entriesKept,
  logEntriesKeptMax: config.log.entriesKeptMax,
  logTrimEntries: config.log.trimEntries,
  snapshotsSentMax: config.log.snapshotsSentMax,
  historyKeptRevisions: config.compaction.revisionsKept,
  historyCheckMs: config.compaction.intervalMs,
});
