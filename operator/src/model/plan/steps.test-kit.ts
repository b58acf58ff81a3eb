/** Short forms of what a step answers, for comparison. */
import type { Action } from "./action.ts";
import { factsIn, type Scene } from "./scene.test-kit.ts";
import type { Step } from "./step.ts";

/** `deletePod demo-1`, `removeMember demo-2`, …; null: nothing; `wait: …` or `blocked: …`. */
export function answer(step: Step, scene: Scene): readonly string[] | string | null {
  const result = step(factsIn(scene));
  if (result === null) return null;
  if (result.type !== "act") return `${result.type} ${result.reason}: ${result.message}`;
  return result.actions.map(shorten);
}

export function shorten(action: Action): string {
  switch (action.type) {
    case "deletePod":
      return `deletePod ${action.pod}${action.force ? " by force" : ""}`;
    case "evictPod":
      return `evictPod ${action.pod}`;
    case "deleteClaim":
      return `deleteClaim ${action.claim}`;
    case "addMember":
    case "bootstrap":
      return `${action.type} ${action.pod}`;
    case "removeMember":
      return [
        `removeMember ${action.member} ${action.nodeId}`,
        ...(action.isReplacement ? ["replaced"] : []),
      ].join(" ");
    case "transferLeadership":
      return `transferLeadership ${action.to}`;
    case "updateAddresses":
      return `updateAddresses ${action.member}`;
    default:
      return action.type;
  }
}
