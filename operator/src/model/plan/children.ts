/**
 * Puts the children right: what is missing or differs is applied, what is no longer wanted goes,
 * claims grow. Asks nothing of the store, so that a store that is away blocks none of it.
 */
import { additionsTo } from "../desired/additions.ts";
import { childKey } from "../desired/children.ts";
import { differsFrom } from "../desired/difference.ts";
import { valueAt } from "../desired/json.ts";
import { childNames } from "../names.ts";
import type { KubeObject, Observed } from "../observed.ts";
import { compareQuantities } from "../quantity.ts";
import type { KubeAction } from "./action.ts";
import { planOwnership } from "./ownership.ts";
import { planSecrets } from "./secrets.ts";
import { immutableDifference } from "./stateful-set-identity.ts";

/** @param desired as `desiredChildren` gives them, in the order in which they are made */
export function planChildren(
  observed: Observed,
  desired: readonly KubeObject[],
): readonly KubeAction[] {
  return [
    ...planSecrets(observed),
    ...desired.flatMap((object) => planChild(observed, object)),
    ...planRemovals(observed, desired),
    ...planOwnership(observed),
    // Last: a storage class that cannot grow volumes refuses, and must hold up nothing else.
    ...planResizes(observed),
  ];
}

/** The uid of the controller of an object; null when it has none. */
const controllerOf = ({ metadata }: KubeObject): string | null =>
  metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? null;

const isOurs = ({ cluster }: Observed, live: KubeObject): boolean =>
  controllerOf(live) === cluster.metadata.uid;

/**
 * Children whose names are taken by an object with another controller: `KIND/NAME`. They are left
 * alone. Those of a KVCluster of this name that was deleted go by themselves within seconds.
 */
export function foreignChildren(
  observed: Observed,
  desired: readonly KubeObject[],
): readonly string[] {
  return desired.map(childKey).filter((key) => {
    const live = observed.children.get(key);
    return live !== undefined && isForeign(observed, live);
  });
}

const isForeign = (observed: Observed, live: KubeObject): boolean =>
  controllerOf(live) !== null && !isOurs(observed, live);

const isDeleting = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

function planChild(observed: Observed, object: KubeObject): readonly KubeAction[] {
  const live = observed.children.get(childKey(object));
  if (live === undefined) return [{ type: "apply", object, isNew: true, why: "created" }];
  // What is going must be gone before it can be made anew: the next pass does it.
  if (isForeign(observed, live) || isDeleting(live)) return [];
  const replacement = planReplacement(object, live);
  if (replacement !== null) return [replacement];
  const why = differsFrom(object, live);
  if (why === null) return [];
  const overwrite = additionsTo(object, live)?.patch;
  return [{ type: "apply", object, ...(overwrite === undefined ? {} : { overwrite }), why }];
}

/** What no apply can put right because the field is immutable. */
function planReplacement(object: KubeObject, live: KubeObject): KubeAction | null {
  if (object.kind === "StatefulSet") {
    const why = immutableDifference(object, live);
    const { uid } = live.metadata;
    return why === null || uid === undefined ? null : { type: "orphanStatefulSet", uid, why };
  }
  const address = valueAt(live, "spec", "clusterIP");
  if (valueAt(object, "spec", "clusterIP") !== "None" || address === "None") return null;
  return { type: "deleteChild", object: live, why: `spec.clusterIP is ${address}, wanted None` };
}

/** Children that the spec or the API server's kinds can switch off: `KIND/NAME`. */
function optionalChildren({ cluster, capabilities }: Observed): readonly string[] {
  const names = childNames(cluster.metadata.name);
  return [
    `NetworkPolicy/${names.networkPolicy}`,
    `ConfigMap/${names.dashboard}`,
    ...(capabilities.serviceMonitor ? [`ServiceMonitor/${names.serviceMonitor}`] : []),
    ...(capabilities.prometheusRule ? [`PrometheusRule/${names.prometheusRule}`] : []),
  ];
}

function planRemovals(observed: Observed, desired: readonly KubeObject[]): readonly KubeAction[] {
  const wanted = new Set(desired.map(childKey));
  return optionalChildren(observed).flatMap((key): readonly KubeAction[] => {
    const live = observed.children.get(key);
    if (wanted.has(key) || live === undefined) return [];
    if (!isOurs(observed, live) || isDeleting(live)) return [];
    return [{ type: "deleteChild", object: live, why: "switched off" }];
  });
}

/** A claim that is larger than the spec says stays: volumes never shrink. */
function planResizes({ cluster, claims }: Observed): readonly KubeAction[] {
  const { size } = cluster.spec.storage;
  return claims
    .filter(({ isDeleting: isGoing, phase }) => !isGoing && phase === "Bound")
    .filter(({ requested }) => (compareQuantities(requested, size) ?? 0) < 0)
    .map(({ name }) => ({ type: "resizeClaim", claim: name, size }));
}
