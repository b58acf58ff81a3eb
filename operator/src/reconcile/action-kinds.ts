/** Which actions may be carried out when: the order of a pass rests on these questions. Pure. */
import type { Action, KubeAction, StoreAction } from "../model/index.ts";

/** The API server's answer to an object that it will never take. */
const invalidCode = "invalid";

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
 * and takes nothing away from a member. A StatefulSet's replicas follow from members and claims:
 * what a late cache takes for growth can be a shrinking below a member, so that one waits.
 */
export function isRepair(action: Action): action is KubeAction {
  switch (action.type) {
    case "createSecret":
    case "deleteChild":
    case "resizeClaim":
    case "setOwned":
      return true;
    case "apply":
      return action.object.kind !== "StatefulSet";
    default:
      return false;
  }
}

/**
 * Its failure holds nothing up: an object of somebody else's API, for monitoring; the growth of a
 * volume, which a storage class may refuse for ever; and an object that the API server finds
 * invalid, such as a pod template with a wrong override: the one before it stays in force, and the
 * members that it runs are to be looked after all the same.
 */
export function holdsNothingUp(action: Action, code: string): boolean {
  if (action.type === "resizeClaim") return true;
  if (action.type !== "apply" && action.type !== "deleteChild") return false;
  const isForMonitoring = action.object.apiVersion.startsWith("monitoring.coreos.com/");
  return isForMonitoring || (action.type === "apply" && code === invalidCode);
}

/** The same action, whoever planned it: what was done in this pass is not done twice. */
export const actionKey = (action: Action): string => JSON.stringify(action);
