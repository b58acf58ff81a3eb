/** The HTTP contract of KVCluster, shared by node, client and operator. */
export {
  type Grant,
  grantSchema,
  type KvClaim,
  kvClaimSchema,
  type Policy,
  type PolicyFile,
  policyFileSchema,
  type Verb,
  verbs,
} from "./access.ts";
export {
  type AddMemberAnswer,
  type AddMemberBody,
  addMemberAnswerSchema,
  addMemberBodySchema,
  type ChangeAnswer,
  type ClusterMember,
  type ClusterStatus,
  changeAnswerSchema,
  clusterStatusSchema,
  type JoinBody,
  joinBodySchema,
  type LeaderAnswer,
  leaderAnswerSchema,
  type MemberAddressesBody,
  type MemberInfo,
  type MemberList,
  type MemberRole,
  memberAddressesBodySchema,
  memberListSchema,
  type NodeIdentity,
  type NodeRole,
  nodeIdentitySchema,
  type TransferBody,
  transferBodySchema,
} from "./cluster.ts";
export type { ErrorInfo } from "./error-info.ts";
export {
  type ErrorCode,
  errorGroups,
  errorInfo,
  errorTable,
  isErrorCode,
  problemType,
} from "./errors.ts";
export { formatEtag, headers, parseEtag, requestIdPattern } from "./headers.ts";
export { encodeKeyPath, encodeKeyQuery, type JsonKey, prefixEnd } from "./keys.ts";
export {
  type BatchAnswer,
  type BatchOperation,
  type BatchRequest,
  batchAnswerSchema,
  batchRequestSchema,
  type CompactAnswer,
  type CompactRequest,
  compactAnswerSchema,
  compactRequestSchema,
  type DeleteAnswer,
  deleteAnswerSchema,
  type ListItem,
  type ListPage,
  listItemSchema,
  listPageSchema,
  type PutAnswer,
  putAnswerSchema,
} from "./kv.ts";
export { defaultLimits, memberNameLengthMax, memberNamePattern } from "./limits.ts";
export {
  type Health,
  type HealthCheck,
  healthSchema,
  type NodePhase,
  type NodeStatus,
  nodeStatusSchema,
  type Readiness,
  readinessSchema,
  type StateHash,
  stateHashSchema,
} from "./operations.ts";
export { type Problem, problemMediaType, problemSchema } from "./problem.ts";
export { type JsonSchema, schemaOf } from "./schema.ts";
