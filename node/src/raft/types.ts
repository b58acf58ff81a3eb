/**
 * The vocabulary of the consensus core: branded numbers, entries, messages, inputs and effects.
 * Names are those of Figure 2 of the Raft paper (Ongaro & Ousterhout 2014) and of the thesis.
 * Only this file and decoders may cast to a branded type; everything else receives one.
 */

/** A Raft term; 0 before the first election. */
export type Term = number & { readonly __brand: "Term" };
/** The position of an entry in the replicated log; the first entry has index 1. */
export type LogIndex = number & { readonly __brand: "LogIndex" };
/**
 * The identity of a member: the log index of the entry that admitted it. Unique for the life of a
 * cluster and never reused, so a wiped node that comes back can never act as its former self.
 */
export type NodeId = number & { readonly __brand: "NodeId" };
/** 32 lower-case hexadecimal digits, drawn once at bootstrap. */
export type ClusterId = string & { readonly __brand: "ClusterId" };

const assertSafe = (value: number, what: string): number => {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${what} must be a safe integer of at least 0, got ${value}`);
  }
  return value;
};

/** Brands a number as a term. @throws RangeError unless it is a safe integer of at least 0. */
export const toTerm = (value: number): Term => assertSafe(value, "term") as Term;
/** Brands a number as a log index. @throws RangeError unless a safe integer of at least 0. */
export const toLogIndex = (value: number): LogIndex => assertSafe(value, "log index") as LogIndex;
/** Brands a number as a node id. @throws RangeError unless a safe integer of at least 1. */
export const toNodeId = (value: number): NodeId => {
  if (value === 0) throw new RangeError("node id must be at least 1, got 0");
  return assertSafe(value, "node id") as NodeId;
};
/** Brands a cluster id. @throws RangeError unless it is 32 lower-case hexadecimal digits. */
export const toClusterId = (value: string): ClusterId => {
  if (!/^[0-9a-f]{32}$/.test(value)) {
    throw new RangeError(`cluster id must be 32 hexadecimal digits, got ${JSON.stringify(value)}`);
  }
  return value as ClusterId;
};

/** What a log entry carries. `noop` is the entry a new leader starts its term with (§5.4.2, §8). */
export type EntryType = "noop" | "command" | "configuration";

/** One entry of the replicated log. `data` is opaque unless the type is `configuration`. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly type: EntryType;
  /** Encoded once by the proposer; the same bytes serve log, wire and apply. Never mutated. */
  readonly data: Uint8Array;
}

export type MemberRole = "voter" | "learner";

export interface Member {
  readonly id: NodeId;
  /** Unique among the members: the pod or process name, 1–63 characters. */
  readonly name: string;
  /** `host:port` of the peer listener, resolved again at each connect. */
  readonly peerAddress: string;
  /** Base URL of the HTTP listener, for example `http://127.0.0.1:5001`. */
  readonly clientAddress: string;
  readonly role: MemberRole;
  /** A learner that an administrator demoted: it stays one until it is promoted by hand. */
  readonly demoted?: true;
}

/** The members of the cluster, sorted by id. In force as soon as its entry is appended (§4.1). */
export interface Configuration {
  readonly members: readonly Member[];
}

/** What must be durable before a vote or an acknowledgement leaves (Figure 2, persistent state). */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
}

/** Where a snapshot ends, and who was a member there, learners included. */
export interface SnapshotMetadata {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
  /** Index of the entry that made `configuration`. */
  readonly configurationIndex: LogIndex;
}

interface MessageBase {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

export interface RequestPreVote extends MessageBase {
  readonly type: "requestPreVote";
  /** `term` is the term the candidate would campaign in; nothing is incremented yet (§9.6). */
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}
export interface RequestPreVoteResponse extends MessageBase {
  readonly type: "requestPreVoteResponse";
  readonly voteGranted: boolean;
}
export interface RequestVote extends MessageBase {
  readonly type: "requestVote";
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** Set by TimeoutNow: votes are not refused although a live leader is known (§3.10). */
  readonly leadershipTransfer: boolean;
}
export interface RequestVoteResponse extends MessageBase {
  readonly type: "requestVoteResponse";
  readonly voteGranted: boolean;
}
export interface AppendEntries extends MessageBase {
  readonly type: "appendEntries";
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  /** May be empty: a notice of a commit, or a question, which is answered. */
  readonly entries: readonly Entry[];
  /** 0 in a question: a message without entries that moves the commit index is not answered. */
  readonly leaderCommit: LogIndex;
}
export interface AppendEntriesResponse extends MessageBase {
  readonly type: "appendEntriesResponse";
  readonly success: boolean;
  /** Success: the highest index known durable and equal to the leader's. Else 0. */
  readonly matchIndex: LogIndex;
  /** Refusal: the `prevLogIndex` that did not match, so that a late refusal is recognised. */
  readonly rejectedIndex: LogIndex;
  /** Refusal: where the follower's log may agree: last index whose term ≤ prevLogTerm, its term. */
  readonly conflictIndex: LogIndex;
  readonly conflictTerm: Term;
}
export interface Heartbeat extends MessageBase {
  readonly type: "heartbeat";
  /** min(matchIndex of the follower, commitIndex): never beyond what it is known to hold. */
  readonly leaderCommit: LogIndex;
  /** The latest ReadIndex round, 0 when none; returned as it came (§6.4). */
  readonly readSequence: number;
}
export interface HeartbeatResponse extends MessageBase {
  readonly type: "heartbeatResponse";
  readonly readSequence: number;
}
/** Announces a snapshot; its bytes are streamed by the store over the transport. */
export interface InstallSnapshot extends MessageBase {
  readonly type: "installSnapshot";
  readonly snapshot: SnapshotMetadata;
}
export interface TimeoutNow extends MessageBase {
  readonly type: "timeoutNow";
}
export interface ReadIndexRequest extends MessageBase {
  readonly type: "readIndexRequest";
  /** The follower's own number for a batch of reads; means nothing to the leader. */
  readonly batch: number;
}
export interface ReadIndexResponse extends MessageBase {
  readonly type: "readIndexResponse";
  readonly batch: number;
  /** The commit index that the reads must see applied; null: not confirmed, ask again. */
  readonly readIndex: LogIndex | null;
}

export type Message =
  | RequestPreVote
  | RequestPreVoteResponse
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse;

export type Role = "leader" | "follower" | "candidate" | "learner";

/** One server added, promoted, demoted or removed at a time (thesis §4.1). */
export type MembershipChange =
  | {
      readonly type: "addLearner";
      readonly name: string;
      readonly peerAddress: string;
      readonly clientAddress: string;
    }
  | { readonly type: "promote"; readonly nodeId: NodeId }
  | { readonly type: "demote"; readonly nodeId: NodeId }
  | { readonly type: "remove"; readonly nodeId: NodeId }
  | {
      readonly type: "updateAddresses";
      readonly nodeId: NodeId;
      readonly peerAddress: string;
      readonly clientAddress: string;
    };

/** Why the core refused an input; each maps to one code of the protocol's error table. */
export type RejectionReason =
  /** Not the leader; forward to `leader` of the status. */
  | "notLeader"
  /** The leader is handing over, or has not yet committed in its term. */
  | "leaderNotReady"
  /** The uncommitted tail of the log is at its byte limit. */
  | "overloaded"
  /** Another membership change is not yet committed. */
  | "changePending"
  /** The change names no such member, a name in use, a voter to promote, the last voter, … */
  | "changeInvalid"
  /** The voter set that would result has no live quorum now; refused for safety of progress. */
  | "quorumAtRisk"
  /** The learner's gap is above the promotion limit. */
  | "learnerLagging"
  /** The transfer's target is unknown, a learner or did not catch up in an election timeout. */
  | "transferFailed"
  /** Leadership moved while the read waited; safe to ask again. */
  | "readDropped";

/** One thing that happened to the core. Ids are the driver's and are never reused in a process. */
export type Input =
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly message: Message }
  /**
   * With `term` it is appended in that term or refused as `notLeader`: whoever sent it can then
   * tell from the first applied entry of a later term that it never will be.
   */
  | {
      readonly type: "propose";
      readonly id: number;
      readonly data: Uint8Array;
      readonly term?: Term;
    }
  | { readonly type: "readIndex"; readonly id: number }
  | { readonly type: "changeMembership"; readonly id: number; readonly change: MembershipChange }
  | {
      readonly type: "transferLeadership";
      readonly id: number;
      /** null: the most caught-up voter. */
      readonly target: NodeId | null;
    }
  /**
   * The write whose last entry is (`index`, `term`), its hard state and every write before it are
   * durable. One for each `Effects.write` with entries, in order; none for a write without entries.
   */
  | { readonly type: "persisted"; readonly index: LogIndex; readonly term: Term }
  /** The state machine has applied up to `index`. */
  | { readonly type: "applied"; readonly index: LogIndex }
  /**
   * A received snapshot is installed and durable; the log before it is gone. From the moment the
   * store begins to replace its state until this input the driver steps the core with ticks only
   * and starts no install of a snapshot at or below `commitIndex`: an entry appended meanwhile
   * could be written behind a log that the install has cut.
   */
  | { readonly type: "snapshotInstalled"; readonly snapshot: SnapshotMetadata }
  /** The bytes of a snapshot for `to`, ending at `index`, were delivered or were not. */
  | {
      readonly type: "snapshotSent";
      readonly to: NodeId;
      readonly index: LogIndex;
      readonly delivered: boolean;
    }
  /** The store dropped its log up to and including `index`, whose entry has `term`. */
  | { readonly type: "compacted"; readonly index: LogIndex; readonly term: Term }
  /** Answer to `Effects.entriesToRead`; empty when compacted meanwhile. */
  | { readonly type: "entriesRead"; readonly to: NodeId; readonly entries: readonly Entry[] }
  /** The connection to a peer broke: go back to probing it. */
  | { readonly type: "unreachable"; readonly nodeId: NodeId };

/** What must be written in one durable step, in this order, before `messagesAfterWrite` leave. */
export interface LogWrite {
  /** Present when it changed. Term and vote always travel together (hashicorp/raft #661). */
  readonly hardState: HardState | null;
  /** Contiguous. When entries[0].index ≤ the last index on disk, that suffix is replaced. */
  readonly entries: readonly Entry[];
}

export interface Rejection {
  readonly id: number;
  readonly reason: RejectionReason;
  /** What was attempted, with values. */
  readonly detail: string;
}

/** A proposal or change that the leader appended; it is settled when (index, term) is applied. */
export interface Acceptance {
  readonly id: number;
  readonly index: LogIndex;
  readonly term: Term;
}

/** A read that may be served once the state machine has applied `index`. */
export interface ReadGrant {
  readonly id: number;
  readonly index: LogIndex;
}

/** A range of the store's log that a slow follower needs and the core no longer holds. */
export interface EntriesToRead {
  readonly to: NodeId;
  readonly from: LogIndex;
  readonly toIndex: LogIndex;
  readonly bytesMax: number;
}

/** What the driver must do after a step. All lists are in order and may be empty. */
export interface Effects {
  readonly write: LogWrite | null;
  /** May leave at once, in parallel with the write (thesis §10.2.1). */
  readonly messages: readonly Message[];
  /** Must wait until `write` (or, without one, every earlier write) is durable. */
  readonly messagesAfterWrite: readonly Message[];
  /** Commit index after the step: the driver applies up to it, in order. */
  readonly commitIndex: LogIndex;
  readonly accepted: readonly Acceptance[];
  readonly rejected: readonly Rejection[];
  readonly reads: readonly ReadGrant[];
  readonly entriesToRead: readonly EntriesToRead[];
  /** Followers that need the state itself; the driver opens a snapshot and streams it. */
  readonly snapshotsToSend: readonly NodeId[];
  /** Ids of transfers that ended well (another leader is known). */
  readonly transferred: readonly number[];
}

export interface Progress {
  readonly id: NodeId;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Heard from within the last election timeout. */
  readonly recentActive: boolean;
}

/** A cheap view of the core for the driver, `/v1/cluster` and the metrics. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: NodeId | null;
  readonly leader: NodeId | null;
  readonly commitIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** Durable on this node. */
  readonly persistedIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  readonly transferTarget: NodeId | null;
  /** The leader's view of the others; empty on other roles. */
  readonly progress: readonly Progress[];
}

/** Limits and times of the core; all times are counts of ticks. */
export interface RaftOptions {
  readonly electionTimeoutTicks: number;
  readonly heartbeatTicks: number;
  /** Bytes of entry data in one AppendEntries. */
  readonly appendBytesMax: number;
  /**
   * So many messages with entries go to a follower ahead of its answer, fewer when they are large;
   * a further one waits until it is full, one was answered, or its first entry is durable here,
   * because each costs both sides more than the entries in it.
   */
  readonly appendsAheadMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Bytes of appended but not committed proposals at the leader; full → `overloaded`. */
  readonly uncommittedBytesMax: number;
  /** Recent entries that the core keeps in memory to serve followers without reading the disk. */
  readonly cacheBytesMax: number;
  /** A learner whose gap in entries stays at or below this … */
  readonly promotionGapMax: number;
  /** … for so many ticks is promoted by the leader. 0 switches automatic promotion off. */
  readonly promotionTicks: number;
  /** Reads parked until the leader has committed in its term; full → `overloaded`. */
  readonly pendingReadsMax: number;
}

/** What a node finds on its disk when it starts. */
export interface RaftRestore {
  readonly id: NodeId;
  readonly hardState: HardState;
  /** Everything up to here was compacted; (0, 0) when the log starts at 1. */
  readonly compactedIndex: LogIndex;
  readonly compactedTerm: Term;
  /** Start index of each run of equal terms in the log after `compactedIndex`, ascending. */
  readonly termRuns: readonly { readonly index: LogIndex; readonly term: Term }[];
  readonly lastIndex: LogIndex;
  /** Applied by the state machine, hence committed. */
  readonly appliedIndex: LogIndex;
  /** As of `appliedIndex`. */
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  /** Configuration entries in (appliedIndex, lastIndex], ascending: in force though uncommitted. */
  readonly configurationEntries: readonly Entry[];
}
