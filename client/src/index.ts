/** The door of @kvcluster/client: what other packages may use is exported here by name. */
export { isUnwilling } from "./attempt.ts";
export {
  type CompareAndSetResult,
  KVStoreClient,
} from "./client.ts";
export { ClusterAdmin, type MemberRef } from "./cluster-admin.ts";
export { type Auth, readSecret } from "./credentials.ts";
export { type Bytes, Entry } from "./entries.ts";
export {
  type ClientErrorCode,
  KVClientError,
  type KVClientErrorDetails,
  UnknownOutcomeError,
} from "./errors.ts";
export { type ConnectionSettings, createAgent, type TlsSettings } from "./http/connections.ts";
export { decodeProblem } from "./http/decode-answer.ts";
export type { EntryPage } from "./http/decode-documents.ts";
export { normalizeEndpoint, type ProbeOutcome, probeReadiness } from "./http/probe.ts";
export { leaderAmong, type ProbedEndpoint } from "./leader-tracker.ts";
export {
  type CallOptions,
  type ClientLimits,
  defaultClientLimits,
  type KVStoreClientOptions,
} from "./options.ts";
export type { EndpointHealth, EndpointView } from "./picking/endpoint.ts";
export {
  type AttemptOutcome,
  defaultPickerSettings,
  type Picked,
  Picker,
  type PickerClock,
  type PickerSettings,
  type PickRequest,
} from "./picking/picker.ts";
export {
  type AttemptFailure,
  judge,
  type RequestKind,
  RetryBudget,
  type RetryVerdict,
} from "./picking/retry-policy.ts";
export type {
  BatchItem,
  DeleteOptions,
  GetOptions,
  KeyRange,
  ListOptions,
  ReadOptions,
  SetOptions,
} from "./requests.ts";
export type { SnapshotStream } from "./snapshot-stream.ts";
export { mintToken } from "./token.ts";
