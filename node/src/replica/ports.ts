/**
 * What the driver needs from the world. Storage, transport and the composition root implement
 * these; the simulator implements them again, so that it runs the very driver that ships.
 *
 * Every callback is called exactly once, later (never before the call returns), on the driver's
 * own thread. A failed write or fsync is never reported here: it goes to the composition root's
 * supervisor, which crashes the process, because nothing after it can be trusted.
 */
import type { CommandResult, KvRecord, Revision } from "../kv/index.ts";
import type {
  ClusterId,
  Configuration,
  Entry,
  LogIndex,
  LogWrite,
  Member,
  MembershipChange,
  Message,
  NodeId,
  RaftRestore,
  RejectionReason,
  SnapshotMetadata,
  Term,
} from "../raft/index.ts";

/** Who this node is; absent on a blank node. Written once, atomically, before anything else. */
export interface Identity {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  readonly name: string;
}

/** Figures of the state machine after a batch of applies. */
export interface StateSummary {
  readonly appliedIndex: LogIndex;
  readonly appliedTerm: Term;
  readonly revision: Revision;
  /** Reads before this revision answer REVISION_COMPACTED. */
  readonly compactRevision: Revision;
  /** Keys that exist. */
  readonly keys: number;
  /** Rolling CRC-32 of every effect since bootstrap; equal on equal states. */
  readonly hash: number;
  /** The latest index whose hash every replica remembers, for `verifyHash`; null: none yet. */
  readonly checkpoint: { readonly index: LogIndex; readonly hash: number } | null;
}

/** The answer to a command whose origin is this life of this node. */
export interface SettledCommand {
  readonly sequence: number;
  readonly result: CommandResult;
}

/** What one `apply` came to. */
export interface Applied {
  readonly summary: StateSummary;
  /** Only commands proposed by this life of this node, in log order. */
  readonly settled: readonly SettledCommand[];
  /** Set when a verifyHash entry met another hash: this replica has diverged and must not serve. */
  readonly divergence: {
    readonly index: LogIndex;
    readonly expected: number;
    readonly actual: number;
  } | null;
}

/** One key with its record, as a scan or a read gives it. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly record: KvRecord;
}

export interface ScanRequest {
  /** Inclusive. */
  readonly start: Uint8Array;
  /** Exclusive; empty: to the last key. */
  readonly end: Uint8Array;
  /** null: the current revision, told in the answer so that the next page can name it. */
  readonly revision: Revision | null;
  readonly limit: number;
  /** The page also ends when its keys and values pass so many bytes (at least one row is given). */
  readonly bytesMax: number;
  readonly keysOnly: boolean;
  /** Also count all keys of the range, beyond the page (up to `countMax` keys). */
  readonly countMax: number;
}

export type ReadFailure = "REVISION_COMPACTED" | "REVISION_IN_FUTURE";

export type ScanResult =
  | {
      readonly type: "page";
      readonly rows: readonly KeyValue[];
      readonly revision: Revision;
      /** There is at least one more key in the range. */
      readonly more: boolean;
      /** Keys in the range, at most `countMax`; 0 when not asked for. */
      readonly count: number;
    }
  | { readonly type: "failed"; readonly code: ReadFailure; readonly revision: Revision };

export type GetResult =
  | { readonly type: "found"; readonly record: KvRecord; readonly revision: Revision }
  | { readonly type: "absent"; readonly revision: Revision }
  | { readonly type: "failed"; readonly code: ReadFailure; readonly revision: Revision };

/** Reads the applied state. Consistency (ReadIndex) is the driver's business, not the reader's. */
export interface StateReader {
  /** Current records of many keys in one crossing; undefined where absent. Synchronous. */
  getMany(keys: readonly Uint8Array[]): readonly (KvRecord | undefined)[];
  getAt(key: Uint8Array, revision: Revision): GetResult;
  scan(request: ScanRequest): Promise<ScanResult>;
}

/** An open, unchanging view of the whole state, streamed in checksummed chunks. */
export interface SnapshotSource {
  readonly metadata: SnapshotMetadata;
  readonly revision: Revision;
  /** The next chunk, null after the last. Chunks are self-checking and at most 256 KiB. */
  next(done: (chunk: Uint8Array | null) => void): void;
  close(): void;
}

/** Receives a snapshot beside the live state; nothing changes before `install`. */
export interface SnapshotSink {
  /** `ok: false`: the chunk is damaged or out of order; the sink is dead, call `abort`. */
  write(chunk: Uint8Array, done: (ok: boolean) => void): void;
  /**
   * Verifies the whole, makes it durable, puts it in the place of the state and drops the log up to
   * it (all of the log when it does not hold an entry (index, term) of the snapshot).
   */
  install(done: (outcome: { readonly summary: StateSummary } | null) => void): void;
  abort(): void;
}

/** Log and state of this node. Calls are carried out first in, first out. */
export interface Store {
  readonly reader: StateReader;
  /** Durable (fdatasync) when `done` is called. Waiting calls share one sync (group commit). */
  append(write: LogWrite, done: () => void): void;
  /** Applies all entries up to `index`, which were appended before. */
  apply(index: LogIndex, done: (applied: Applied) => void): void;
  /** [from, to] as far as `bytesMax` allows, at least one entry; empty when compacted. */
  readEntries(
    from: LogIndex,
    to: LogIndex,
    bytesMax: number,
    done: (entries: readonly Entry[]) => void,
  ): void;
  /** Makes the state durable up to its applied index, then drops the log up to `index`. */
  compactLog(
    index: LogIndex,
    done: (compacted: { readonly index: LogIndex; readonly term: Term }) => void,
  ): void;
  openSnapshot(done: (source: SnapshotSource) => void): void;
  beginInstall(metadata: SnapshotMetadata, done: (sink: SnapshotSink) => void): void;
  /** Figures for metrics; cheap. */
  stats(): StoreStats;
}

export interface StoreStats {
  readonly logBytes: number;
  readonly stateBytes: number;
}

/** What the driver needs to start on what the store found. */
export interface Recovered {
  readonly identity: Identity;
  readonly restore: RaftRestore;
  readonly summary: StateSummary;
}

/** A proposal on its way from the node that took it to the leader. */
export interface ForwardedProposal {
  /** The whole encoded command (kv/ codec), header included. */
  readonly data: Uint8Array;
  readonly sequence: number;
}

/** The administrative requests that only a leader can carry out. */
export type AdminRequest =
  | { readonly type: "changeMembership"; readonly change: MembershipChange }
  | { readonly type: "transferLeadership"; readonly target: NodeId | null };

export type AdminOutcome =
  | { readonly type: "done"; readonly index: LogIndex }
  | { readonly type: "rejected"; readonly reason: RejectionReason; readonly detail: string };

/**
 * What peers say to each other beside Raft's own messages. At most once and in order for one
 * connection; never repeated by the transport.
 */
export type PeerMessage =
  | { readonly type: "raft"; readonly message: Message }
  | {
      readonly type: "forward";
      readonly origin: number;
      /** Term of the leader that it is for; one of another term refuses it. */
      readonly term: Term;
      readonly proposals: readonly ForwardedProposal[];
    }
  /** The leader did not append these; they have no effect and never will. */
  | {
      readonly type: "forwardRejected";
      readonly origin: number;
      /** As in the `forward` that is refused: one that was routed again since is not meant. */
      readonly term: Term;
      readonly sequences: readonly number[];
      readonly reason: RejectionReason;
    }
  | { readonly type: "adminRequest"; readonly requestId: number; readonly request: AdminRequest }
  | { readonly type: "adminResponse"; readonly requestId: number; readonly outcome: AdminOutcome };

/** A snapshot arriving from a peer, offered to the driver after its first frame. */
export interface IncomingSnapshot {
  readonly from: NodeId;
  readonly term: Term;
  readonly metadata: SnapshotMetadata;
  /** Starts the flow of chunks, one at a time; null ends it. `failed`: the connection broke. */
  read(onChunk: (chunk: Uint8Array | null, next: () => void) => void, onFailed: () => void): void;
  /** Refuses or gives up; the sender is told. */
  reject(): void;
  /** The snapshot is installed; the sender is told. */
  accept(): void;
}

export interface TransportHandlers {
  onMessage(from: NodeId, message: PeerMessage): void;
  onSnapshot(snapshot: IncomingSnapshot): void;
  /** The connection to a peer broke or could not be made. */
  onUnreachable(peer: NodeId): void;
}

/** Peers of this node. Sending never blocks and never fails: what cannot be sent is dropped. */
export interface Transport {
  /** Handlers are set once, by the driver, before the first `setPeers`. */
  start(handlers: TransportHandlers): void;
  /** Connects to new members, drops removed ones, follows changed addresses. */
  setPeers(members: readonly Member[]): void;
  send(to: NodeId, message: PeerMessage): void;
  /** False when no connection to the peer is up: what is sent now is likely to be dropped. */
  reaches(peer: NodeId): boolean;
  /** Streams over a connection of its own, so that heartbeats are not stuck behind it. */
  sendSnapshot(
    to: NodeId,
    term: Term,
    source: SnapshotSource,
    done: (delivered: boolean) => void,
  ): void;
}

/** Time and chance. `defer` runs a task soon, after what is already waiting (setImmediate). */
export interface Runtime {
  defer(task: () => void): void;
  /** Calls `task` every `ms` until the returned function is called. */
  every(ms: number, task: () => void): () => void;
  /** Calls `task` once after `ms` unless the returned function is called before. */
  after(ms: number, task: () => void): () => void;
  /** Milliseconds of a clock that never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** A number in [0, 1). */
  random(): number;
  /** An impossible state: report and crash. Never returns. */
  fatal(error: Error): never;
}

/** Told after each applied batch, for health and metrics. */
export interface ReplicaObserver {
  onConfiguration(configuration: Configuration): void;
  onRemoved(): void;
}
