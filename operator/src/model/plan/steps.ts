/**
 * The one ordered list of what a pass may do to pods, claims and store. The first step that can act
 * does; the others wait for the next pass, which sees its effect. `docs/operations/conditions.md`
 * shares this list.
 */
import { addresses } from "./addresses.ts";
import { bootstrap } from "./bootstrap.ts";
import type { Facts } from "./facts.ts";
import { leftoverClaims } from "./leftover-claims.ts";
import { removedNodes } from "./removed-nodes.ts";
import { ghostLearners, replaceMember } from "./replace-member.ts";
import { rollingUpdate } from "./rolling-update.ts";
import { scaleDown } from "./scale-down.ts";
import { scaleUp } from "./scale-up.ts";
import type { Step, StepResult } from "./step.ts";
import { stuckPods } from "./stuck-pods.ts";

export const steps: readonly { readonly name: string; readonly run: Step }[] = [
  { name: "stuck-pods", run: stuckPods },
  { name: "bootstrap", run: bootstrap },
  { name: "removed-nodes", run: removedNodes },
  { name: "ghost-learners", run: ghostLearners },
  { name: "replace-member", run: replaceMember },
  { name: "scale-down", run: scaleDown },
  { name: "scale-up", run: scaleUp },
  { name: "addresses", run: addresses },
  { name: "rolling-update", run: rollingUpdate },
  { name: "leftover-claims", run: leftoverClaims },
];

export interface StepsOutcome {
  readonly act: Extract<StepResult, { readonly type: "act" }> | null;
  /** What is wanted and cannot be done now, in the order of the steps. */
  readonly pending: readonly Exclude<StepResult, { readonly type: "act" }>[];
}

export function runSteps(facts: Facts): StepsOutcome {
  const pending: Exclude<StepResult, { readonly type: "act" }>[] = [];
  if (facts.spec.replicas === 0 || facts.spec.paused) return { act: null, pending };
  for (const { run } of steps) {
    const result = run(facts);
    if (result?.type === "act") return { act: result, pending };
    if (result !== null) pending.push(result);
  }
  return { act: null, pending };
}
