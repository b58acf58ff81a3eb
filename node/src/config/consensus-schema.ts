/** The settings of consensus, its driver, its log and its connections. */
import { type JsonSchema, schemaOf } from "@kvcluster/protocol";
import Type from "typebox";
import { bytes, gibibyte, mebibyte, milliseconds, number, text } from "./fields.ts";
import type { LogConfig, PeersConfig, RaftConfig, ReplicaConfig } from "./types.ts";

const closed = { additionalProperties: false } as const;

/** Consensus: times and flow control. */
export const raftSchema: JsonSchema<RaftConfig> = schemaOf<RaftConfig>()(
  Type.Object(
    {
      tickMs: milliseconds("The clock of the consensus core; other times are rounded up to it.", {
        min: 1,
        max: 1000,
        default: 50,
      }),
      electionTimeoutMs: milliseconds(
        "A follower campaigns after so long, up to twice as long, without a leader. At least ten " +
          "round trips between the nodes.",
        { min: 50, max: 60_000, default: 700 },
      ),
      heartbeatIntervalMs: milliseconds("A leader shows itself so often.", {
        min: 1,
        max: 10_000,
        default: 100,
      }),
      appendBytesMax: bytes("Entries in one message to a follower.", {
        min: 4096,
        max: 64 * mebibyte,
        default: mebibyte,
      }),
      appendsAheadMax: number(
        "Messages with entries to one follower ahead of its answer, before entries gather.",
        { min: 1, max: 65_536, default: 2, unit: "count" },
      ),
      inflightMessagesMax: number("Unacknowledged messages to one follower.", {
        min: 1,
        max: 65_536,
        default: 256,
        unit: "count",
      }),
      inflightBytesMax: bytes("Unacknowledged entries to one follower.", {
        min: 4096,
        max: gibibyte,
        default: 16 * mebibyte,
      }),
      uncommittedBytesMax: bytes("Uncommitted writes at the leader; above it, OVERLOADED.", {
        min: 4096,
        max: gibibyte,
        default: 64 * mebibyte,
      }),
      cacheBytesMax: bytes("Recent entries kept in memory for followers.", {
        min: 4096,
        max: gibibyte,
        default: 16 * mebibyte,
      }),
      promotionGapMax: number("A learner this close behind may become a voter.", {
        min: 0,
        max: 1_000_000,
        default: 100,
        unit: "entries",
      }),
      promotionMs: milliseconds(
        "A learner that stays that close for so long is promoted. 0: only when asked for.",
        { min: 0, max: 3_600_000, default: 1000 },
      ),
      pendingReadsMax: number("Reads that wait for a new leader's first commit.", {
        min: 1,
        max: 1_000_000,
        default: 10_000,
        unit: "count",
      }),
    },
    closed,
  ),
);

/** The driver: queues and self-checks. */
export const replicaSchema: JsonSchema<ReplicaConfig> = schemaOf<ReplicaConfig>()(
  Type.Object(
    {
      inboxItemsMax: number("Messages of peers that wait for the loop; above it, dropped.", {
        min: 16,
        max: 1_000_000,
        default: 16_384,
        unit: "count",
      }),
      inboxBytesMax: bytes("Bytes of messages of peers that wait for the loop.", {
        min: 65_536,
        max: gibibyte,
        default: 64 * mebibyte,
      }),
      proposalsMax: number("Writes taken by this node and not yet settled; above it, OVERLOADED.", {
        min: 1,
        max: 1_000_000,
        default: 16_384,
        unit: "count",
      }),
      proposalBytesMax: bytes("Bytes of writes taken by this node and not yet settled.", {
        min: 65_536,
        max: gibibyte,
        default: 64 * mebibyte,
      }),
      readsMax: number("Read barriers that wait on this node; above it, OVERLOADED.", {
        min: 1,
        max: 1_000_000,
        default: 16_384,
        unit: "count",
      }),
      adminRequestsMax: number("Membership changes and transfers under way.", {
        min: 1,
        max: 1024,
        default: 16,
        unit: "count",
      }),
      healthCheckMs: milliseconds("The node proves so often that it serves linearizable reads.", {
        min: 10,
        max: 60_000,
        default: 500,
      }),
      healthTimeoutMs: milliseconds("It is not ready when it could not for so long.", {
        min: 10,
        max: 600_000,
        default: 2000,
      }),
      hashCheckMs: milliseconds("Replicas compare their state hashes so often. 0: never.", {
        min: 0,
        max: 86_400_000,
        default: 60_000,
      }),
      diskStallMs: milliseconds("A leader whose oldest write waits for so long hands over.", {
        min: 100,
        max: 600_000,
        default: 5000,
      }),
    },
    closed,
  ),
);

/** The replicated log on disk. */
export const logSchema: JsonSchema<LogConfig> = schemaOf<LogConfig>()(
  Type.Object(
    {
      entriesKept: number("Applied entries kept for followers that lag.", {
        min: 0,
        max: 100_000_000,
        default: 10_000,
        unit: "entries",
      }),
      entriesKeptMax: number("Entries kept at most for a slow follower or a snapshot.", {
        min: 1,
        max: 100_000_000,
        default: 100_000,
        unit: "entries",
      }),
      trimEntries: number("The log is trimmed when at least so many entries can go.", {
        min: 1,
        max: 10_000_000,
        default: 5000,
        unit: "entries",
      }),
      snapshotsSentMax: number("Snapshots streamed to followers at the same time.", {
        min: 1,
        max: 64,
        default: 1,
        unit: "count",
      }),
      segmentBytes: bytes("A file of the log is closed at this size and the next one begun.", {
        min: 65_536,
        max: gibibyte,
        default: 16 * mebibyte,
      }),
    },
    closed,
  ),
);

/** Connections between the nodes. */
export const peersSchema: JsonSchema<PeersConfig> = schemaOf<PeersConfig>()(
  Type.Object(
    {
      secretFile: text("Secret that proves membership to other nodes, 32 bytes or more, 0600."),
      queueMessagesMax: number("Messages that wait to be sent to one peer; above it, dropped.", {
        min: 16,
        max: 1_000_000,
        default: 4096,
        unit: "count",
      }),
      queueBytesMax: bytes("Bytes that wait to be sent to one peer; above it, dropped.", {
        min: 65_536,
        max: gibibyte,
        default: 64 * mebibyte,
      }),
      connectTimeoutMs: milliseconds("A connection must be made and proved by then.", {
        min: 10,
        max: 60_000,
        default: 2000,
      }),
      idleTimeoutMs: milliseconds("A connection that is silent for so long is made anew.", {
        min: 100,
        max: 600_000,
        default: 10_000,
      }),
      reconnectMinMs: milliseconds("First pause before connecting again.", {
        min: 1,
        max: 60_000,
        default: 50,
      }),
      reconnectMaxMs: milliseconds("Longest pause before connecting again.", {
        min: 1,
        max: 600_000,
        default: 2000,
      }),
      connectionsMax: number("Inbound connections of peers. Those that proved nothing give way.", {
        min: 32,
        max: 10_000,
        default: 128,
        unit: "count",
      }),
      frameBytesMax: bytes(
        "Longest frame of a peer. It must hold twice `raft.appendBytesMax` and the largest write.",
        { min: mebibyte, max: gibibyte, default: 16 * mebibyte },
      ),
    },
    closed,
  ),
);
