/**
 * Nodes at wanted ordinals whose identity is no member's: removed for a replacement, or scaled away
 * and wanted again. Their data will never be of use: the claim goes, then the pod, and the node
 * comes back blank.
 */
import { type Facts, isWanted, memberAt } from "./facts.ts";
import type { Place } from "./places.ts";
import { deleteClaim, deletePod, replaceableAt, whyLost } from "./pod-actions.ts";
import { event, type Step } from "./step.ts";

export const removedNodes: Step = (facts) => {
  if (facts.leaderView === null) return null;
  for (const place of facts.places) {
    if (!isWanted(facts, place.ordinal) || memberAt(facts, place) !== null) continue;
    const why = whyDiscarded(facts, place);
    if (why === null) continue;
    const actions = [...deleteClaim(place, why), ...deletePod(facts, place, why)];
    if (actions.length === 0) continue;
    return {
      type: "act",
      reason: "Replacing",
      message: `${place.name} comes back with an empty volume: ${why}`,
      actions,
      events: [event("DiscardingNode", `${place.name}, no member of the store: ${why}`)],
    };
  }
  return null;
};

function whyDiscarded(facts: Facts, place: Place): string | null {
  const { standing, nodeId, claim } = place;
  if (standing === "removed") {
    return nodeId === null ? "it was removed" : `node ${nodeId} was removed`;
  }
  if (standing === "corrupt") return "its data are corrupt";
  // Begun by a pass that was stopped, or by a person: no member may ever stand on it.
  if (claim?.isDeleting === true) return "its claim is being deleted";
  // A claim that is not bound yet is in nobody's way.
  if (claim === null || claim.phase === "Pending") return null;
  const why = whyLost(facts, place);
  return why === null || facts.now < replaceableAt(facts, place) ? null : why;
}
