/** PrometheusRule NAME: the alerts of one KVCluster. */
import type { Json } from "../../api/json.ts";
import type { KVCluster } from "../../api/types.ts";
import { childNames } from "../../names.ts";
import type { KubeObject } from "../../observed.ts";
import { childMetadata } from "../child-metadata.ts";
import { type Alert, ruleGroups } from "./alert.ts";
import { consensusAlerts } from "./consensus-alerts.ts";
import { keyAlerts } from "./key-alerts.ts";
import { storageAlerts } from "./storage-alerts.ts";

/** The alerts of a KVCluster, by group. */
export const clusterAlerts = (cluster: KVCluster): Readonly<Record<string, readonly Alert[]>> => ({
  "kvcluster-consensus": consensusAlerts(cluster),
  "kvcluster-storage": storageAlerts(cluster),
  "kvcluster-keys": keyAlerts(cluster),
});

/** The `groups`; none while the KVCluster is to have no nodes, whose absence is meant. */
export const clusterRuleGroups = (cluster: KVCluster): readonly Json[] =>
  cluster.spec.replicas === 0 ? [] : ruleGroups(clusterAlerts(cluster));

export const buildPrometheusRule = (cluster: KVCluster): KubeObject => ({
  apiVersion: "monitoring.coreos.com/v1",
  kind: "PrometheusRule",
  metadata: childMetadata(cluster, childNames(cluster.metadata.name).prometheusRule, {
    labels: cluster.spec.monitoring.prometheusRule.labels,
  }),
  spec: { groups: clusterRuleGroups(cluster) },
});
