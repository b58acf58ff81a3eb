/** Alerts on the operator itself, for its own chart. They cover every KVCluster it watches. */
import type { Json } from "../../api/json.ts";
import { type Alert, ruleGroups } from "./alert.ts";

const named = "{{ $labels.cluster_namespace }}/{{ $labels.cluster }}";

export const operatorAlerts: readonly Alert[] = [
  {
    name: "KVClusterOperatorAbsent",
    severity: "warning",
    expression: "absent(kvcluster_operator_leader == 1)",
    after: "10m",
    summary: "No operator of KVClusters is at work.",
    description:
      "No process holds the Lease, or none is scraped. Stores go on serving; nothing is " +
      "repaired, scaled or rolled.",
  },
  {
    name: "KVClusterOperatorNotReconciling",
    severity: "warning",
    expression:
      "time() - max by (cluster_namespace, cluster) " +
      "(kvcluster_operator_cluster_last_success_timestamp_seconds) > 1800",
    after: "10m",
    summary: `The operator gets nowhere with ${named}.`,
    description: "No pass over it has ended without a failure for half an hour or longer.",
  },
  {
    name: "KVClusterOperatorDeaf",
    severity: "warning",
    expression: "max by (pod, kind) (kvcluster_operator_watch_contact_age_seconds) > 300",
    after: "5m",
    summary: "The operator does not hear from the API server.",
    description:
      "The watch of {{ $labels.kind }} in {{ $labels.pod }} is silent for " +
      "{{ $value | humanizeDuration }}.",
  },
  {
    name: "KVClusterDegraded",
    severity: "warning",
    expression:
      "max by (cluster_namespace, cluster) " +
      '(kvcluster_operator_cluster_condition{condition="Degraded"}) == 1',
    after: "15m",
    summary: `${named} is degraded.`,
    description: "The condition Degraded of the KVCluster is True; its message says why.",
  },
];

/** The `groups` of the operator's PrometheusRule. */
export const operatorRuleGroups: readonly Json[] = ruleGroups({
  "kvcluster-operator": operatorAlerts,
});
