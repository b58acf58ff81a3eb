/**
 * Where pods go: apart from each other, over Kubernetes nodes and over zones, as far as there are
 * any. Never a must, so that a cluster of one Kubernetes node works too; who needs a must says so
 * in `spec.podTemplate`, which replaces these rules.
 */
import type { KVCluster } from "../api/types.ts";
import { selectorLabels } from "../names.ts";
import type { JsonObject } from "./json.ts";

const hostname = "kubernetes.io/hostname";
const zone = "topology.kubernetes.io/zone";

function defaultAffinity(name: string): JsonObject {
  const podAffinityTerm = {
    topologyKey: hostname,
    labelSelector: { matchLabels: selectorLabels(name) },
  };
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }],
    },
  };
}

const defaultConstraints = (name: string): readonly JsonObject[] =>
  [hostname, zone].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selectorLabels(name) },
  }));

/** The fields of the pod's spec that decide where it runs. */
export function placement({ metadata, spec }: KVCluster): JsonObject {
  const { affinity, topologySpreadConstraints, nodeSelector, tolerations, priorityClassName } =
    spec.podTemplate;
  return {
    affinity: affinity ?? defaultAffinity(metadata.name),
    topologySpreadConstraints: topologySpreadConstraints ?? defaultConstraints(metadata.name),
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
  };
}
