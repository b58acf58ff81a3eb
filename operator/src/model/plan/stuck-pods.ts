/**
 * Pods of an old revision that do not take part in the store: they crash, find no place, hang, or
 * hold no data yet. They are deleted first and at once, with or without a quorum: nothing is lost,
 * and the new revision may be the cure. (The StatefulSet controller itself never replaces a pod
 * that is broken at an old revision.)
 */
import { type Facts, isOutdated } from "./facts.ts";
import { describePlace, isStuck, type Place } from "./places.ts";
import { deletePod } from "./pod-actions.ts";
import { event, type Step } from "./step.ts";

export const stuckPods: Step = (facts) => {
  if (facts.spec.updatePolicy.pause || !facts.isSurveyed) return null;
  const stuck = facts.places.filter((place) => isOutdated(facts, place) && isIdle(facts, place));
  const actions = stuck.flatMap((place) => deletePod(facts, place, whyDeleted(place)));
  if (actions.length === 0) return null;
  return {
    type: "act",
    reason: "Rolling",
    message: `replaces pods of an old revision: ${stuck.map(describePlace).join("; ")}`,
    actions,
    events: stuck.map((place) => event("DeletingStuckPod", whyDeleted(place))),
  };
};

function isIdle({ now }: Facts, { pod, standing }: Place): boolean {
  if (pod === null || pod.deletingUntil !== null) return false;
  if (standing === "blank" || standing === "removed") return true;
  return standing === "unreachable" && isStuck(pod, now);
}

const whyDeleted = (place: Place): string =>
  `${describePlace(place)}; its revision ${place.pod?.revision ?? ""} is an old one`;
