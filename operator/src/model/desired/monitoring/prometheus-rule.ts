/** PrometheusRule NAME: the alerts of one KVCluster. */
import type { Json } from "../../api/json.ts";
import type { KVCluster } from "../../api/types.ts";
import { childNames } from "../../names.ts";
import type { KubeObject } from "../../observed.ts";
import { childMetadata } from "../child-metadata.ts";
import { ruleGroups } from "./alert.ts";
import { consensusAlerts } from "./consensus-alerts.ts";
import { keyAlerts } from "./key-alerts.ts";
import { storageAlerts } from "./storage-alerts.ts";

/** The `groups`; none while the KVCluster is to have no nodes, whose absence is meant. */
export function clusterRuleGroups(cluster: KVCluster): readonly Json[] {
  if (cluster.spec.replicas === 0) return [];
  return ruleGroups({
    "kvcluster-consensus": consensusAlerts(cluster),
    "kvcluster-storage": storageAlerts(cluster),
    "kvcluster-keys": keyAlerts(cluster),
  });
}

export const buildPrometheusRule = (cluster: KVCluster): KubeObject => ({
  apiVersion: "monitoring.coreos.com/v1",
  kind: "PrometheusRule",
  metadata: childMetadata(cluster, childNames(cluster.metadata.name).prometheusRule, {
    labels: cluster.spec.monitoring.prometheusRule.labels,
  }),
  spec: { groups: clusterRuleGroups(cluster) },
});
