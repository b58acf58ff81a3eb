/**
 * The one schema of a node's configuration: each setting's meaning, unit, bounds and default.
 * Validation, defaults, flags, environment names and the reference are all made from it.
 */
import { defaultLimits, type JsonSchema, memberNamePattern, schemaOf } from "@kvcluster/protocol";
import Type from "typebox";
import { authSchema } from "./auth-schema.ts";
import { logSchema, peersSchema, raftSchema, replicaSchema } from "./consensus-schema.ts";
import { bytes, gibibyte, mebibyte, milliseconds, number, oneOf, text } from "./fields.ts";
import type {
  AdvertiseConfig,
  CompactionConfig,
  CompactionStyle,
  Config,
  LimitsConfig,
  ListenConfig,
  LogLevel,
  StorageConfig,
  TimeoutsConfig,
} from "./types.ts";

const closed = { additionalProperties: false } as const;

/** `host:port`; an IPv6 host stands in brackets; port 0 takes a free one. */
const hostPort = "^(\\[[0-9a-fA-F:.%]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$";

const listenSchema: JsonSchema<ListenConfig> = schemaOf<ListenConfig>()(
  Type.Object(
    {
      http: text("Address of the HTTP API, `host:port`.", {
        default: "127.0.0.1:5000",
        pattern: hostPort,
      }),
      peer: text("Address for the other nodes, `host:port`.", {
        default: "127.0.0.1:5100",
        pattern: hostPort,
      }),
      metrics: text("Address of `/metrics` and the health routes, `host:port`.", {
        default: "127.0.0.1:8000",
        pattern: hostPort,
      }),
    },
    closed,
  ),
);

const advertiseSchema: JsonSchema<AdvertiseConfig> = schemaOf<AdvertiseConfig>()(
  Type.Object(
    {
      peerAddress: text(
        "Where other nodes reach this one, `host:port`. Empty: `listen.peer`, which must then " +
          "name a host and a port that others can use.",
        { default: "", pattern: `^$|${hostPort}` },
      ),
      clientAddress: text(
        "Where clients reach this node, a base URL. Empty: `http://` and `listen.http`.",
        { default: "", pattern: "^$|^https?://[^/?#@\\s]+$" },
      ),
    },
    closed,
  ),
);

const timeoutsSchema: JsonSchema<TimeoutsConfig> = schemaOf<TimeoutsConfig>()(
  Type.Object(
    {
      requestDefaultMs: milliseconds("Deadline of a request that names none.", {
        min: 1,
        max: 3_600_000,
        default: defaultLimits.requestDeadlineDefaultMs,
      }),
      requestMaxMs: milliseconds("The longest deadline that a request may name.", {
        min: 1,
        max: 3_600_000,
        default: defaultLimits.requestDeadlineMaxMs,
      }),
      headersMs: milliseconds("A client must have sent its headers by then.", {
        min: 100,
        max: 600_000,
        default: 10_000,
      }),
      bodyMs: milliseconds("A client must have sent headers and body by then.", {
        min: 100,
        max: 3_600_000,
        default: 30_000,
      }),
      keepAliveMs: milliseconds("An idle HTTP connection is closed after so long.", {
        min: 0,
        max: 3_600_000,
        default: 72_000,
      }),
      shutdownGraceMs: milliseconds(
        "At SIGTERM, requests in flight may take so long before connections are cut.",
        { min: 0, max: 3_600_000, default: 10_000 },
      ),
    },
    closed,
  ),
);

const limitsSchema: JsonSchema<LimitsConfig> = schemaOf<LimitsConfig>()(
  Type.Object(
    {
      keyBytesMax: bytes("Longest key.", {
        min: 1,
        max: 65_535,
        default: defaultLimits.keyBytesMax,
      }),
      valueBytesMax: bytes("Longest value.", {
        min: 1,
        max: 64 * mebibyte,
        default: defaultLimits.valueBytesMax,
      }),
      batchOperationsMax: number("Puts and deletes in one batch.", {
        min: 1,
        max: 10_000,
        default: defaultLimits.batchOperationsMax,
        unit: "count",
      }),
      bodyBytesMax: bytes("Longest JSON body. A batch's values are base64 in it.", {
        min: 1024,
        max: 256 * mebibyte,
        default: defaultLimits.bodyBytesMax,
      }),
      pageItemsMax: number("Items of one list page.", {
        min: 1,
        max: 100_000,
        default: defaultLimits.pageItemsMax,
        unit: "count",
      }),
      pageItemsDefault: number("Items of one list page when the request names no `limit`.", {
        min: 1,
        max: 100_000,
        default: defaultLimits.pageItemsDefault,
        unit: "count",
      }),
      pageBytesMax: bytes("Keys and values of one list page; at least one item is given.", {
        min: 1024,
        max: 256 * mebibyte,
        default: defaultLimits.pageBytesMax,
      }),
      countMax: number("Keys that `count=true` counts beyond the page.", {
        min: 0,
        max: 1_000_000_000,
        default: defaultLimits.countMax,
        unit: "keys",
      }),
      rangeDeleteKeysMax: number("Keys that one range delete may delete.", {
        min: 1,
        max: 1_000_000,
        default: defaultLimits.rangeDeleteKeysMax,
        unit: "keys",
      }),
      headerBytesMax: bytes("Request line and headers. Holds a percent-encoded key and a token.", {
        min: 4096,
        max: mebibyte,
        default: defaultLimits.headerBytesMax,
      }),
      connectionsMax: number("Open HTTP connections; further ones are closed at once.", {
        min: 1,
        max: 1_000_000,
        default: 10_000,
        unit: "count",
      }),
      requestsInFlightMax: number("Requests of /v1 in flight; further ones answer OVERLOADED.", {
        min: 1,
        max: 1_000_000,
        default: 20_000,
        unit: "count",
      }),
      answerBytesMax: bytes(
        "Answers above 64 KiB that clients have not read yet; further ones are OVERLOADED.",
        { min: mebibyte, max: 64 * gibibyte, default: 256 * mebibyte },
      ),
      snapshotStreamsMax: number("Backups streamed at the same time.", {
        min: 1,
        max: 64,
        default: 2,
        unit: "count",
      }),
    },
    closed,
  ),
);

const compactionSchema: JsonSchema<CompactionConfig> = schemaOf<CompactionConfig>()(
  Type.Object(
    {
      revisionsKept: number(
        "History kept by automatic compaction. 0: history is kept until it is asked for.",
        { min: 0, max: 1_000_000_000, default: 100_000, unit: "revisions" },
      ),
      intervalMs: milliseconds("The leader compacts so often, when there is enough to forget.", {
        min: 1000,
        max: 86_400_000,
        default: 60_000,
      }),
    },
    closed,
  ),
);

const compactionStyles: readonly CompactionStyle[] = ["level", "universal"];

const storageSchema: JsonSchema<StorageConfig> = schemaOf<StorageConfig>()(
  Type.Object(
    {
      blockCacheBytes: bytes("Cache of data blocks.", {
        min: mebibyte,
        max: 64 * gibibyte,
        default: 32 * mebibyte,
      }),
      writeBufferBytes: bytes("Memory for writes that are not yet in a table file.", {
        min: mebibyte,
        max: gibibyte,
        default: 64 * mebibyte,
      }),
      recordCacheBytes: bytes("Records written last, which those that overwrite them look up.", {
        min: mebibyte / 16,
        max: gibibyte,
        default: 40 * mebibyte,
      }),
      compaction: oneOf(
        "How table files are merged. `universal` costs less CPU and may need three times the " +
          "state's disk for a while, `level` about one and a half.",
        { values: compactionStyles, default: "universal" },
      ),
      freeBytesMin: bytes("With less free disk, writes of clients are refused as OVERLOADED.", {
        min: 0,
        max: 1024 * gibibyte,
        default: 64 * mebibyte,
      }),
    },
    closed,
  ),
);

const logLevels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** The whole configuration. */
export const configSchema: JsonSchema<Config> = schemaOf<Config>()(
  Type.Object(
    {
      name: text("Name of this node, unique in its cluster: a DNS label.", {
        pattern: memberNamePattern.source,
      }),
      dataFolder: text("Folder of log, state and identity; made when it is absent."),
      logLevel: oneOf("Least severe level that is logged.", {
        values: logLevels,
        default: "info",
      }),
      keyRingFile: text("Key ring for the encryption of values (mode 0600).", { reloads: true }),
      listen: listenSchema,
      advertise: advertiseSchema,
      auth: authSchema,
      timeouts: timeoutsSchema,
      limits: limitsSchema,
      raft: raftSchema,
      replica: replicaSchema,
      log: logSchema,
      compaction: compactionSchema,
      peers: peersSchema,
      storage: storageSchema,
    },
    { ...closed, title: "Config" },
  ),
);
