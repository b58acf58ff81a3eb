/** The children of a KVCluster, put right: what the planner asks of `desired/` and `children`. */
import { issuerFaults, knownIssuer } from "../desired/access-config-map.ts";
import { desiredChildren } from "../desired/children.ts";
import { policyFaults } from "../desired/policy-fault.ts";
import type { Observed, OperatorDefaults } from "../observed.ts";
import type { KubeAction } from "./action.ts";
import { foreignChildren, planChildren } from "./children.ts";
import { configMapFaults } from "./named-config-maps.ts";
import { secretFaults } from "./secrets.ts";

/** What the planner decides about the children. */
export interface ChildrenWants {
  /** Of the StatefulSet. */
  readonly replicas: number;
  readonly image: string;
  /** Voters of the store as last known. */
  readonly voters: number;
}

export interface ChildrenPlan {
  readonly actions: readonly KubeAction[];
  /** What the operator cannot put right, in words that say what to do. */
  readonly faults: readonly string[];
}

export type ChildrenPlanner = (
  observed: Observed,
  defaults: OperatorDefaults,
  wants: ChildrenWants,
) => ChildrenPlan;

export const planOwnChildren: ChildrenPlanner = (observed, defaults, wants) => {
  const { cluster, capabilities } = observed;
  const issuer = knownIssuer(observed);
  const desired = desiredChildren({ cluster, capabilities, issuer, defaults, ...wants });
  const foreign = foreignChildren(observed, desired).map(
    (child) => `${child} belongs to another controller: rename one of the two`,
  );
  return {
    actions: planChildren(observed, desired),
    faults: [
      ...secretFaults(observed),
      ...configMapFaults(observed),
      ...issuerFaults(observed),
      ...policyFaults(cluster),
      ...foreign,
    ],
  };
};

/** Whether the template of the pods may be another one after these actions. */
export const touchesStatefulSet = (actions: readonly KubeAction[]): boolean =>
  actions.some(
    (action) =>
      action.type === "orphanStatefulSet" ||
      (action.type === "apply" && action.object.kind === "StatefulSet"),
  );
