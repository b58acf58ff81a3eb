/** Which actions may be carried out when: the order of a pass rests on these questions. Pure. */
import type { Action, KubeAction, KubeObject, Observed, StoreAction } from "../model/index.ts";

const storeActions: ReadonlySet<Action["type"]> = new Set<StoreAction["type"]>([
  "bootstrap",
  "addMember",
  "removeMember",
  "transferLeadership",
  "updateAddresses",
]);

export const isStoreAction = (action: Action): action is StoreAction =>
  storeActions.has(action.type);

/**
 * A repair can be carried out on what a cache shows, before the store is asked: it is idempotent
 * and takes nothing away from a member. Shrinking the StatefulSet does, so that one waits.
 */
export function isRepair(
  action: Action,
  statefulSet: Observed["statefulSet"],
): action is KubeAction {
  switch (action.type) {
    case "createSecret":
    case "deleteChild":
    case "resizeClaim":
    case "setOwned":
      return true;
    case "apply":
      return !isShrinking(action.object, statefulSet);
    default:
      return false;
  }
}

function isShrinking(object: KubeObject, live: Observed["statefulSet"]): boolean {
  if (object.kind !== "StatefulSet" || live === null) return false;
  const spec: unknown = object["spec"];
  const hasReplicas = typeof spec === "object" && spec !== null && "replicas" in spec;
  return !hasReplicas || typeof spec.replicas !== "number" || spec.replicas < live.replicas;
}

/**
 * Its failure holds nothing up: an object of somebody else's API, for monitoring, and the growth of
 * a volume, which a storage class may refuse for ever.
 */
export const isDispensable = (action: Action): boolean =>
  action.type === "resizeClaim" ||
  ((action.type === "apply" || action.type === "deleteChild") &&
    action.object.apiVersion.startsWith("monitoring.coreos.com/"));

/** The same action, whoever planned it: what was done in this pass is not done twice. */
export const actionKey = (action: Action): string => JSON.stringify(action);
