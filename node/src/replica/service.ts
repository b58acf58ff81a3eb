/**
 * What the layers above may ask of a node: the driver implements `ReplicaService`, the composition
 * root implements `NodeService` around it (a node may be blank and have no replica yet).
 */
import type { Command, CommandResult } from "../kv/index.ts";
import type {
  ClusterId,
  LogIndex,
  Member,
  NodeId,
  RaftStatus,
  RejectionReason,
} from "../raft/index.ts";
import type {
  AdminRequest,
  Identity,
  SnapshotSource,
  StateReader,
  StateSummary,
  StoreStats,
} from "./ports.ts";

/** Why a request was not carried out. Codes are those of the protocol's error table. */
export type ReplicaErrorCode =
  /** No leader is known within the deadline; nothing was proposed. */
  | "NO_LEADER"
  /** A queue is at its limit; nothing was proposed. */
  | "OVERLOADED"
  /** The node is going down; nothing was proposed. */
  | "SHUTTING_DOWN"
  /** The deadline passed after the proposal left: it may or may not take effect. */
  | "OUTCOME_UNKNOWN"
  /** The deadline of a read or an admin request passed; nothing was changed by it. */
  | "DEADLINE_EXCEEDED"
  /** A membership change or transfer was refused; `detail` says why. */
  | "CHANGE_REJECTED"
  /** This replica has diverged or its disk is damaged; it serves nothing. */
  | "CORRUPT"
  /** This node was removed from the cluster. */
  | "REMOVED"
  /** This node has no identity yet. */
  | "NOT_BOOTSTRAPPED"
  /** Bootstrap or join on a node that already has an identity. */
  | "ALREADY_BOOTSTRAPPED";

export class ReplicaError extends Error {
  override readonly name = "ReplicaError";
  readonly code: ReplicaErrorCode;
  /** CHANGE_REJECTED: the core's reason. */
  readonly reason: RejectionReason | null;
  constructor(code: ReplicaErrorCode, detail: string, reason: RejectionReason | null = null) {
    super(detail);
    this.code = code;
    this.reason = reason;
  }
}

/** Counters and gauges since start, pulled by the metrics. */
export interface ReplicaCounters {
  readonly leaderChanges: number;
  readonly proposalsAccepted: number;
  readonly proposalsFailed: number;
  readonly proposalsPending: number;
  readonly readsPending: number;
  readonly entriesApplied: number;
  readonly inboxItems: number;
  readonly inboxBytes: number;
  readonly snapshotsSent: number;
  readonly snapshotsInstalled: number;
}

export interface ReplicaStatus {
  readonly raft: RaftStatus;
  readonly state: StateSummary;
  readonly counters: ReplicaCounters;
  /** Serves linearizable reads: knows a leader, is a voter or caught-up learner, not corrupt. */
  readonly ready: boolean;
  /** Why not, in words; empty when ready. */
  readonly notReadyReason: string;
  readonly corrupt: boolean;
  readonly removed: boolean;
}

export interface ReplicaService {
  readonly reader: StateReader;
  /**
   * Proposes on this node or through the leader; settles once this node has applied the entry.
   * @throws ReplicaError NO_LEADER, OVERLOADED, SHUTTING_DOWN, OUTCOME_UNKNOWN, CORRUPT, REMOVED
   */
  propose(command: Command, deadlineMs: number): Promise<CommandResult>;
  /**
   * Resolves once a read of local state is linearizable (ReadIndex, §6.4), with the index seen.
   * @throws ReplicaError NO_LEADER, OVERLOADED, DEADLINE_EXCEEDED, CORRUPT, REMOVED
   */
  readBarrier(deadlineMs: number): Promise<LogIndex>;
  /**
   * Milliseconds since this node last heard from its leader (0 on the leader itself), for stale
   * reads; null when it never has.
   */
  stalenessMs(): number | null;
  /** @throws ReplicaError CHANGE_REJECTED, NO_LEADER, DEADLINE_EXCEEDED, SHUTTING_DOWN */
  admin(request: AdminRequest, deadlineMs: number): Promise<LogIndex>;
  status(): ReplicaStatus;
  storeStats(): StoreStats;
}

export type NodePhase = "blank" | "starting" | "serving" | "draining" | "removed" | "corrupt";

export interface JoinRequest {
  readonly clusterId: ClusterId;
  /** As told by the leader's answer to addLearner. */
  readonly nodeId: NodeId;
  /** Where to find the others before the log tells. */
  readonly members: readonly Member[];
}

/** A node as its HTTP face sees it. */
export interface NodeService {
  readonly name: string;
  phase(): NodePhase;
  identity(): Identity | null;
  /** null while blank or starting. */
  replica(): ReplicaService | null;
  /** Makes a one-member cluster of this blank node. @throws ReplicaError ALREADY_BOOTSTRAPPED */
  bootstrap(): Promise<Identity>;
  /** Gives this blank node its identity. @throws ReplicaError ALREADY_BOOTSTRAPPED */
  join(request: JoinRequest): Promise<Identity>;
  /** Hands leadership over; readiness fails from now on, requests are still served. */
  drain(): Promise<void>;
  /**
   * An unchanging view of the whole state as it is applied now, for a backup; the caller closes it.
   * @throws ReplicaError NOT_BOOTSTRAPPED, SHUTTING_DOWN, CORRUPT
   */
  openSnapshot(): Promise<SnapshotSource>;
}
