/** All children of a KVCluster, in the order in which they are made: what pods need comes first. */
import type { KubeObject } from "../observed.ts";
import { buildAccessConfigMap } from "./access-config-map.ts";
import { buildClientService } from "./client-service.ts";
import { buildConfigMap } from "./config-map.ts";
import { buildHeadlessService } from "./headless-service.ts";
import type { DesiredInputs } from "./inputs.ts";
import { withIntent } from "./intent.ts";
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
  ];
  return children.map(withIntent);
}

/** The key of an object in `Observed.children`. */
export const childKey = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;
