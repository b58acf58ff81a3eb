/** All children of a KVCluster, in the order in which they are made: what pods need comes first. */
import type { KubeObject } from "../observed.ts";
import { buildAccessConfigMap } from "./access-config-map.ts";
import { buildClientService } from "./client-service.ts";
import { buildConfigMap } from "./config-map.ts";
import { buildHeadlessService } from "./headless-service.ts";
import type { DesiredInputs } from "./inputs.ts";
import { withIntent } from "./intent.ts";
import { buildDashboard } from "./monitoring/dashboard.ts";
import { buildPrometheusRule } from "./monitoring/prometheus-rule.ts";
import { buildServiceMonitor } from "./monitoring/service-monitor.ts";
import { buildNetworkPolicy } from "./network-policy.ts";
import { buildPodDisruptionBudget } from "./pod-disruption-budget.ts";
import { buildServiceAccount } from "./service-account.ts";
import { buildStatefulSet } from "./stateful-set.ts";

/** Everything but Secrets and claims, each with the hash of its intent. */
export function desiredChildren(inputs: DesiredInputs): readonly KubeObject[] {
  const children = [
    buildServiceAccount(inputs),
    buildConfigMap(inputs),
    buildAccessConfigMap(inputs),
    buildHeadlessService(inputs),
    buildClientService(inputs),
    ...(inputs.cluster.spec.networkPolicy.enabled ? [buildNetworkPolicy(inputs)] : []),
    buildPodDisruptionBudget(inputs),
    buildStatefulSet(inputs),
    ...monitoringChildren(inputs),
  ];
  return children.map(withIntent);
}

/** What the API server does not know is made when it does. */
function monitoringChildren({ cluster, capabilities }: DesiredInputs): readonly KubeObject[] {
  const { serviceMonitor, prometheusRule, dashboard } = cluster.spec.monitoring;
  return [
    ...(serviceMonitor.enabled && capabilities.serviceMonitor
      ? [buildServiceMonitor(cluster)]
      : []),
    ...(prometheusRule.enabled && capabilities.prometheusRule
      ? [buildPrometheusRule(cluster)]
      : []),
    ...(dashboard.enabled ? [buildDashboard(cluster)] : []),
  ];
}

/** The key of an object in `Observed.children`. */
export const childKey = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;
