/** The consensus core's door. */

export { InvariantViolation } from "./assertion.ts";
export { decodeConfiguration, encodeConfiguration } from "./configuration-codec.ts";
export { ClusterInvariants, checkInvariants, type RaftView } from "./invariants.ts";
export { createRaft, type Raft } from "./raft.ts";
export type { TermRun } from "./term-runs.ts";
export type {
  Acceptance,
  AppendEntries,
  AppendEntriesResponse,
  ClusterId,
  Configuration,
  Effects,
  EntriesToRead,
  Entry,
  EntryType,
  HardState,
  Heartbeat,
  HeartbeatResponse,
  Input,
  InstallSnapshot,
  LogIndex,
  LogWrite,
  Member,
  MemberRole,
  MembershipChange,
  Message,
  NodeId,
  Progress,
  RaftOptions,
  RaftRestore,
  RaftStatus,
  ReadGrant,
  ReadIndexRequest,
  ReadIndexResponse,
  Rejection,
  RejectionReason,
  RequestPreVote,
  RequestPreVoteResponse,
  RequestVote,
  RequestVoteResponse,
  Role,
  SnapshotMetadata,
  Term,
  TimeoutNow,
} from "./types.ts";
export { toClusterId, toLogIndex, toNodeId, toTerm } from "./types.ts";
