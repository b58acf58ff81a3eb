/** The door of the pure model: the resource, what was observed, what may be done. */
export { kvClusterCrd, resourceNames } from "./api/crd.ts";
export { type Decoded, decodeKVCluster } from "./api/decode.ts";
export { fillDefaults } from "./api/defaults.ts";
export { isJsonObject, type Json, type JsonObject } from "./api/json.ts";
export { kvClusterSchema, nameLengthMax, rootStructure } from "./api/schema.ts";
export {
  judgeSchemaVersion,
  type SchemaFault,
  schemaVersion,
  schemaVersionAnnotation,
} from "./api/schema-version.ts";
export type {
  AuthSpec,
  Condition,
  IssuerSpec,
  KeyReference,
  KVCluster,
  KVClusterSpec,
  KVClusterStatus,
  MemberStatus,
  MonitoringSpec,
  NetworkPolicySpec,
  ObjectMeta,
  PodTemplateSpec,
  PolicySpec,
  RaftSpec,
  RepairSpec,
  ResourceList,
  Retention,
  ServiceSpec,
  StorageSpec,
} from "./api/types.ts";
export {
  adminIssuer,
  apiGroup,
  apiVersion,
  type ChildNames,
  childLabels,
  childNames,
  claimName,
  clusterLabel,
  fieldManager,
  intentAnnotation,
  ordinalOf,
  paths,
  podName,
  ports,
  selectorLabels,
} from "./names.ts";
export type {
  Capabilities,
  IssuerView,
  KubeObject,
  NodePhase,
  NodeView,
  Observed,
  ObservedClaim,
  ObservedPod,
  ObservedSecret,
  ObservedStatefulSet,
  OperatorDefaults,
  OwnerReference,
} from "./observed.ts";
export type {
  Action,
  ApplyAction,
  CreateSecretAction,
  EventIntent,
  KubeAction,
  Plan,
  StoreAction,
} from "./plan/action.ts";
export { formatTime, parseTime } from "./time.ts";
