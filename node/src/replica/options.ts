/** Every limit and interval of the driver, in one place, each with its unit. */
import type { RaftOptions } from "../raft/index.ts";

export interface ReplicaOptions {
  readonly raft: RaftOptions;
  /** Length of one tick of the core, ms. */
  readonly tickMs: number;
  /** Random 48-bit number of this life of the node; the origin of its commands. */
  readonly origin: number;
  /** Messages from peers that wait for the loop; above it they are dropped (Raft repeats them). */
  readonly inboxItemsMax: number;
  readonly inboxBytesMax: number;
  /** Proposals taken here and not yet settled; above it `OVERLOADED`. */
  readonly proposalsMax: number;
  readonly proposalBytesMax: number;
  /** Reads that wait for a barrier; above it `OVERLOADED`. */
  readonly readsMax: number;
  /** Membership changes and transfers under way; above it `OVERLOADED`. */
  readonly adminRequestsMax: number;
  /** Applied entries kept in the log for followers that lag. */
  readonly logEntriesKept: number;
  /** Entries kept at most for a lagging follower or a snapshot in flight. */
  readonly logEntriesKeptMax: number;
  /** The log is trimmed when at least so many entries can go. */
  readonly logTrimEntries: number;
  /** Snapshots streamed at the same time. */
  readonly snapshotsSentMax: number;
  /** The node proves that it serves linearizable reads so often, ms. */
  readonly healthCheckMs: number;
  /** … and is not ready when it could not for so long, ms. */
  readonly healthTimeoutMs: number;
  /** A leader proposes a corruption check so often, ms; 0 switches it off. */
  readonly hashCheckMs: number;
  /** A leader whose oldest log write is not durable after so long hands leadership over, ms. */
  readonly diskStallMs: number;
  /** Revisions of history kept; older ones are compacted by the leader. 0: never by itself. */
  readonly historyKeptRevisions: number;
  /** The leader compacts the history at most so often, ms. */
  readonly historyCheckMs: number;
}
