/** Values that the planner's tests start from. */
import type { KVCluster, KVClusterSpec } from "../api/types.ts";
import type { OperatorDefaults } from "../observed.ts";
import type { ChildrenPlanner } from "./children-planner.ts";

export const defaults: OperatorDefaults = {
  image: "kv:1",
  operatorNamespace: "kvcluster-system",
  operatorLabels: {},
};

export function makeSpec(changes: Partial<KVClusterSpec> = {}): KVClusterSpec {
  const none = { enabled: false, labels: {} };
  return {
    replicas: 3,
    imagePullPolicy: "IfNotPresent",
    storage: { size: "1Gi", retention: { whenDeleted: "Retain", whenScaled: "Delete" } },
    resources: {},
    auth: { serviceAccountTokens: true, audiences: [], issuers: [], policies: [] },
    encryption: {},
    service: { type: "ClusterIP", annotations: {}, labels: {} },
    monitoring: {
      serviceMonitor: { ...none, interval: "30s" },
      prometheusRule: none,
      dashboard: none,
    },
    networkPolicy: { enabled: false, clients: [] },
    raft: { electionTimeoutMs: 1000, heartbeatIntervalMs: 100, entriesKept: 10_000 },
    repair: { enabled: true, replaceAfterSeconds: 60, replacementsPerDayMax: 3 },
    logLevel: "info",
    podTemplate: { labels: {}, annotations: {} },
    updatePolicy: { pause: false },
    paused: false,
    ...changes,
  };
}

export function makeCluster(
  spec: Partial<KVClusterSpec> = {},
  status?: KVCluster["status"],
): KVCluster {
  return {
    metadata: {
      name: "demo",
      namespace: "test",
      uid: "uid-demo",
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: makeSpec(spec),
    ...(status === undefined ? {} : { status }),
  };
}

/** Applies the StatefulSet when replicas or image are not as wanted; nothing else. */
export const planStatefulSetOnly: ChildrenPlanner = ({ statefulSet, cluster }, _, wants) => {
  const isRight = statefulSet?.replicas === wants.replicas && statefulSet.image === wants.image;
  if (isRight) return { actions: [], faults: [] };
  const { name, namespace } = cluster.metadata;
  const spec = { replicas: wants.replicas, image: wants.image };
  const object = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec,
  };
  return { actions: [{ type: "apply", object, why: "test" }], faults: [] };
};
