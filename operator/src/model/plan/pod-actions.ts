/** Restarts and deletes of pods, deletes of claims, and what says that a node is lost. */
import { evictionsMax } from "../desired/pod-disruption-budget.ts";
import type { Action } from "./action.ts";
import type { Facts } from "./facts.ts";
import type { MemberFact } from "./member-facts.ts";
import { isFailing, isUnscheduled, type Place } from "./places.ts";

/** A pod that is being deleted already is deleted once more only when its grace has run out. */
export function deletePod({ now }: Facts, { pod }: Place, why: string): readonly Action[] {
  if (pod === null) return [];
  const isOverdue = pod.deletingUntil !== null && now > pod.deletingUntil;
  if (pod.deletingUntil !== null && !isOverdue) return [];
  return [{ type: "deletePod", pod: pod.name, uid: pod.uid, force: isOverdue, why }];
}

/**
 * An eviction while the node is well, so that it shares one budget with drains. A node that is not
 * takes part in no vote; and where the budget allows nothing, no drain can take another node, but
 * the roll must go on all the same.
 */
export function restartPod(
  facts: Facts,
  { place, isHealthy }: MemberFact,
  why: string,
): readonly Action[] {
  if (place?.pod == null) return [];
  if (!isHealthy || !isEvictionAllowed(facts)) return deletePod(facts, place, why);
  return [{ type: "evictPod", pod: place.pod.name, uid: place.pod.uid, why }];
}

/** As the disruption controller counts: pods that are wanted and not ready use the budget up. */
function isEvictionAllowed({ quorum, spec, statefulSet, places }: Facts): boolean {
  const allowed = evictionsMax(quorum.voters, spec.replicas);
  if (typeof allowed === "string") return true;
  const ready = places.filter(({ pod }) => pod?.isReady === true && pod.deletingUntil === null);
  return (statefulSet?.replicas ?? spec.replicas) - ready.length < allowed;
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
