/**
 * Claims above the StatefulSet's replicas, of members that a scale-down removed: deleted when the
 * spec says so. Never on a guess: the leader has to tell who the members are, and executing it asks
 * once more.
 */
import { memberAt } from "./facts.ts";
import { deleteClaim } from "./pod-actions.ts";
import { event, type Step } from "./step.ts";

export const leftoverClaims: Step = (facts) => {
  const { leaderView, spec, statefulSet, replicas, places } = facts;
  if (leaderView === null || statefulSet === null || spec.replicas === 0) return null;
  if (spec.storage.retention.whenScaled === "Retain") return null;
  const first = Math.max(replicas, statefulSet.replicas);
  const leftover = places.filter(
    (place) => place.ordinal >= first && place.pod === null && memberAt(facts, place) === null,
  );
  const why = "a scale-down removed its member and whenScaled is Delete";
  const actions = leftover.flatMap((place) => deleteClaim(place, why));
  if (actions.length === 0) return null;
  const names = leftover.map(({ claim }) => claim?.name ?? "").join(", ");
  return {
    type: "act",
    reason: "ScalingDown",
    message: `deletes ${names}: ${why}`,
    actions,
    events: [event("DeletingClaim", `${names}: ${why}`)],
  };
};
