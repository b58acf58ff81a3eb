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
export { knownIssuer } from "./desired/access-config-map.ts";
export { type Additions, additionsTo } from "./desired/additions.ts";
export { controllerRef } from "./desired/child-metadata.ts";
export { childKey, desiredChildren } from "./desired/children.ts";
export { differsFrom } from "./desired/difference.ts";
export type { DesiredInputs } from "./desired/inputs.ts";
export { intentOf, withIntent } from "./desired/intent.ts";
export { type Alert, runbookOf } from "./desired/monitoring/alert.ts";
export { operatorAlerts, operatorRuleGroups } from "./desired/monitoring/operator-alerts.ts";
export { clusterAlerts, clusterRuleGroups } from "./desired/monitoring/prometheus-rule.ts";
export { terminationGraceSeconds } from "./desired/pod-template.ts";
export { keyRingSecretName } from "./desired/volumes.ts";
export {
  adminIssuer,
  apiGroup,
  apiVersion,
  type ChildNames,
  childLabels,
  childNames,
  claimName,
  claimTemplate,
  clusterLabel,
  configAnnotation,
  fieldManager,
  intentAnnotation,
  issuerAnnotation,
  memberAddresses,
  nodeContainer,
  ordinalOf,
  paths,
  podName,
  ports,
  selectorLabels,
  serviceLabel,
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
export { foreignChildren, planChildren } from "./plan/children.ts";
export type { ChildrenPlan, ChildrenPlanner, ChildrenWants } from "./plan/children-planner.ts";
export { namedConfigMaps } from "./plan/named-config-maps.ts";
export { createPlanner, plan } from "./plan/plan.ts";
export { conditionReasons, type EventReason, eventReasons } from "./plan/reasons.ts";
export { type NeededSecret, neededSecrets, secretFaults } from "./plan/secrets.ts";
export { bytesOf, compareQuantities, parseQuantity } from "./quantity.ts";
export { formatTime, parseTime } from "./time.ts";
