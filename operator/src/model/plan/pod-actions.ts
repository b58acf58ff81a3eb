/** Deletes of pods and claims, and what says that a node will not come back. */
import type { Action } from "./action.ts";
import type { Facts } from "./facts.ts";
import { isFailing, isUnscheduled, type Place } from "./places.ts";

/** A pod that is being deleted already is deleted once more only when its grace has run out. */
export function deletePod({ now }: Facts, { pod }: Place, why: string): readonly Action[] {
  if (pod === null) return [];
  const isOverdue = pod.deletingUntil !== null && now > pod.deletingUntil;
  if (pod.deletingUntil !== null && !isOverdue) return [];
  return [{ type: "deletePod", pod: pod.name, uid: pod.uid, force: isOverdue, why }];
}

export function deleteClaim({ claim, name }: Place, why: string): readonly Action[] {
  if (claim === null || claim.isDeleting) return [];
  return [{ type: "deleteClaim", claim: claim.name, uid: claim.uid, member: name, why }];
}

/**
 * Why the node at this place will not come back by itself, or null. It does not count when image,
 * configuration or program fail: another volume would not help, and this one may be whole.
 */
export function whyLost({ now }: Facts, { pod, claim, standing }: Place): string | null {
  if (pod === null || pod.isReady || standing !== "unreachable") return null;
  if (claim?.phase === "Lost") return "its volume is gone";
  if (pod.deletingUntil !== null) {
    return now > pod.deletingUntil ? "its pod hangs in Terminating: no kubelet answers" : null;
  }
  if (isFailing(pod)) return null;
  if (isUnscheduled(pod)) return `its pod has no node: ${pod.problem ?? "not scheduled"}`;
  if (pod.phase === "Pending") {
    return pod.problem === null ? "its pod does not start" : `its pod: ${pod.problem}`;
  }
  return "it does not answer";
}

/** ms since the epoch at which an absence that lasts is acted on. */
export const replaceableAt = ({ spec }: Facts, { pod }: Place): number =>
  (pod?.readySince ?? Number.POSITIVE_INFINITY) + spec.repair.replaceAfterSeconds * 1000;
