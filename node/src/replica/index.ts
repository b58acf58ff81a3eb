/** The driver's door. */
export type { ReplicaOptions } from "./options.ts";
export type {
  AdminOutcome,
  AdminRequest,
  Applied,
  ForwardedProposal,
  GetResult,
  Identity,
  IncomingSnapshot,
  KeyValue,
  PeerMessage,
  ReadFailure,
  Recovered,
  ReplicaObserver,
  Runtime,
  ScanRequest,
  ScanResult,
  SettledCommand,
  SnapshotSink,
  SnapshotSource,
  StateReader,
  StateSummary,
  Store,
  StoreStats,
  Transport,
  TransportHandlers,
} from "./ports.ts";
export { Replica, type ReplicaSetup } from "./replica.ts";
export type {
  JoinRequest,
  NodePhase,
  NodeService,
  ReplicaCounters,
  ReplicaErrorCode,
  ReplicaService,
  ReplicaStatus,
} from "./service.ts";
export { ReplicaError } from "./service.ts";
