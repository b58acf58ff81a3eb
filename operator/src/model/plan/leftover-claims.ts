/**
 * What a scale-down leaves above the StatefulSet's replicas: pods that stop, and then their claims,
 * deleted when the spec says so. Never on a guess: the leader has to tell who the members are, and
 * executing it asks once more. Until all of it is gone the scale-down is not over.
 */
import { type Facts, memberAt } from "./facts.ts";
import type { Place } from "./places.ts";
import { deleteClaim } from "./pod-actions.ts";
import { event, type Step, type StepResult } from "./step.ts";

export const leftoverClaims: Step = (facts) => {
  const { leaderView, spec, statefulSet, replicas, places } = facts;
  if (leaderView === null || statefulSet === null || spec.replicas === 0) return null;
  const first = Math.max(replicas, statefulSet.replicas);
  const leftover = places.filter(
    (place) => place.ordinal >= first && memberAt(facts, place) === null,
  );
  return deletion(facts, leftover) ?? awaitEnd(leftover);
};

function deletion({ spec }: Facts, leftover: readonly Place[]): StepResult | null {
  if (spec.storage.retention.whenScaled === "Retain") return null;
  const free = leftover.filter(({ pod, claim }) => pod === null && claim?.isDeleting === false);
  if (free.length === 0) return null;
  const names = free.map(({ claim }) => claim?.name ?? "").join(", ");
  const why = "a scale-down removed its member and whenScaled is Delete";
  return {
    type: "act",
    reason: "ScalingDown",
    message: `deletes ${names}: ${why}`,
    actions: free.flatMap((place) => deleteClaim(place, why)),
    events: [event("DeletingClaim", `${names}: ${why}`)],
  };
}

/** Told as long as it lasts: whoever waits for the end may scale again, or count claims. */
function awaitEnd(leftover: readonly Place[]): StepResult | null {
  const going = leftover.flatMap(({ name, pod, claim }) => {
    if (pod !== null) return [name];
    return claim?.isDeleting === true ? [claim.name] : [];
  });
  if (going.length === 0) return null;
  return { type: "wait", reason: "ScalingDown", message: `waits for ${going.join(", ")} to go` };
}
