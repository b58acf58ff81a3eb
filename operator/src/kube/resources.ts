/** The kinds that the operator reads and writes, and the paths under which the API serves them. */
import { apiGroup, apiVersion } from "../model/index.ts";

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

const resource = (apiVersion: string, kind: string, plural: string): Resource => ({
  apiVersion,
  kind,
  plural,
});

export const monitoringGroupVersion = "monitoring.coreos.com/v1";

export type ResourceName =
  | "kvCluster"
  | "statefulSet"
  | "pod"
  | "claim"
  | "service"
  | "configMap"
  | "secret"
  | "serviceAccount"
  | "podDisruptionBudget"
  | "networkPolicy"
  | "serviceMonitor"
  | "prometheusRule"
  | "event"
  | "lease";

export const resources: Readonly<Record<ResourceName, Resource>> = {
  kvCluster: resource(`${apiGroup}/${apiVersion}`, "KVCluster", "kvclusters"),
  statefulSet: resource("apps/v1", "StatefulSet", "statefulsets"),
  pod: resource("v1", "Pod", "pods"),
  claim: resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
  service: resource("v1", "Service", "services"),
  configMap: resource("v1", "ConfigMap", "configmaps"),
  secret: resource("v1", "Secret", "secrets"),
  serviceAccount: resource("v1", "ServiceAccount", "serviceaccounts"),
  podDisruptionBudget: resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  networkPolicy: resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  serviceMonitor: resource(monitoringGroupVersion, "ServiceMonitor", "servicemonitors"),
  prometheusRule: resource(monitoringGroupVersion, "PrometheusRule", "prometheusrules"),
  event: resource("events.k8s.io/v1", "Event", "events"),
  lease: resource("coordination.k8s.io/v1", "Lease", "leases"),
};

/** The resource of an object we mean to write. @throws TypeError for a kind that is not ours */
export function resourceOf(type: { readonly apiVersion: string; readonly kind: string }): Resource {
  const found = Object.values(resources).find(
    (candidate) => candidate.kind === type.kind && candidate.apiVersion === type.apiVersion,
  );
  if (found === undefined) {
    throw new TypeError(`the operator does not write ${type.apiVersion} ${type.kind}`);
  }
  return found;
}

export interface Place {
  /** null: all namespaces (lists and watches only). */
  readonly namespace: string | null;
  readonly name?: string;
  readonly subresource?: "status" | "eviction";
}

/** The path of a collection or, with a name, of an object. */
export function pathOf(resource: Resource, place: Place): string {
  const group = resource.apiVersion.includes("/") ? "/apis" : "/api";
  const { namespace, name, subresource } = place;
  return [
    `${group}/${resource.apiVersion}`,
    ...(namespace === null ? [] : ["namespaces", encodeURIComponent(namespace)]),
    resource.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ].join("/");
}

/** The plural in a path that `pathOf` made; another path is told as it is. */
export function resourceIn(path: string): string {
  const [, plural] =
    /^\/apis?(?:\/[^/]+){1,2}?\/(?:namespaces\/[^/]+\/)?([a-z]+)(?:\/|$)/.exec(path) ?? [];
  return plural ?? path;
}
