/**
 * The configuration of a node as code reads it. What each setting means, its unit, default and
 * bounds stand once, in schema.ts; docs/reference/configuration.md is made from there.
 */

export interface ListenConfig {
  readonly http: string;
  readonly peer: string;
  readonly metrics: string;
}

export interface AdvertiseConfig {
  /** `host:port`; empty: as `listen.peer`. Never empty after loading. */
  readonly peerAddress: string;
  /** Base URL; empty: as `listen.http`. Never empty after loading. */
  readonly clientAddress: string;
}

export interface TimeoutsConfig {
  readonly requestDefaultMs: number;
  readonly requestMaxMs: number;
  readonly headersMs: number;
  readonly bodyMs: number;
  readonly keepAliveMs: number;
  readonly shutdownGraceMs: number;
}

export interface RaftConfig {
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly appendBytesMax: number;
  readonly appendsAheadMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly uncommittedBytesMax: number;
  readonly cacheBytesMax: number;
  readonly promotionGapMax: number;
  readonly promotionMs: number;
  readonly pendingReadsMax: number;
}

export interface ReplicaConfig {
  readonly inboxItemsMax: number;
  readonly inboxBytesMax: number;
  readonly proposalsMax: number;
  readonly proposalBytesMax: number;
  readonly readsMax: number;
  readonly adminRequestsMax: number;
  readonly healthCheckMs: number;
  readonly healthTimeoutMs: number;
  readonly hashCheckMs: number;
  readonly diskStallMs: number;
}

export interface LogConfig {
  readonly entriesKept: number;
  readonly entriesKeptMax: number;
  readonly trimEntries: number;
  readonly snapshotsSentMax: number;
  readonly segmentBytes: number;
}

export interface CompactionConfig {
  readonly revisionsKept: number;
  readonly intervalMs: number;
}

export interface PeersConfig {
  readonly secretFile: string;
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly connectionsMax: number;
  readonly frameBytesMax: number;
}

/** What the state trades while it merges its files: disk for CPU, or CPU for disk. */
export type CompactionStyle = "level" | "universal";

export interface StorageConfig {
  readonly blockCacheBytes: number;
  readonly writeBufferBytes: number;
  readonly recordCacheBytes: number;
  readonly compaction: CompactionStyle;
  readonly freeBytesMin: number;
}

export interface LimitsConfig {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly batchOperationsMax: number;
  readonly bodyBytesMax: number;
  readonly pageItemsMax: number;
  readonly pageItemsDefault: number;
  readonly pageBytesMax: number;
  readonly countMax: number;
  readonly rangeDeleteKeysMax: number;
  readonly headerBytesMax: number;
  readonly connectionsMax: number;
  readonly requestsInFlightMax: number;
  readonly answerBytesMax: number;
  readonly snapshotStreamsMax: number;
}

/** Algorithms that a key may be pinned to. */
export type AuthAlgorithm =
  | "HS256"
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA";

/** One key in `file`, used with `algorithm`; or all keys of the issuer in `jwksFile`. */
export interface AuthKeyConfig {
  readonly name: string;
  readonly keyId?: string;
  readonly algorithm?: AuthAlgorithm;
  readonly file?: string;
  /** Instead of `keyId`, `algorithm` and `file`: contradictions.ts sees to it. */
  readonly jwksFile?: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly grants: "trusted" | "policies";
  /** Do without it while its file cannot be used, instead of not starting. Default false. */
  readonly optional?: boolean;
}

export interface AuthConfig {
  readonly keys: readonly AuthKeyConfig[];
  readonly policiesFile: string;
  readonly clockSkewMs: number;
  readonly tokenLifetimeMaxMs: number;
  readonly tokenCacheMax: number;
  readonly reloadMs: number;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

/** The whole configuration of a node. */
export interface Config {
  readonly name: string;
  readonly dataFolder: string;
  readonly logLevel: LogLevel;
  readonly keyRingFile: string;
  readonly listen: ListenConfig;
  readonly advertise: AdvertiseConfig;
  readonly auth: AuthConfig;
  readonly timeouts: TimeoutsConfig;
  readonly limits: LimitsConfig;
  readonly raft: RaftConfig;
  readonly replica: ReplicaConfig;
  readonly log: LogConfig;
  readonly compaction: CompactionConfig;
  readonly peers: PeersConfig;
  readonly storage: StorageConfig;
}
