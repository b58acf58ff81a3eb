/**
 * The pure decision of a pass: from what was observed to the next safe actions. Kubernetes' objects
 * are put right first; then the first step that can act does. At most one action changes the store,
 * and it is the last.
 */
import type { Observed, OperatorDefaults } from "../observed.ts";
import type { Action, Plan } from "./action.ts";
import { type ChildrenPlanner, planOwnChildren, touchesStatefulSet } from "./children-planner.ts";
import { conditionOf } from "./condition.ts";
import { type Facts, factsOf } from "./facts.ts";
import { requeueMs } from "./limits.ts";
import { statusOf } from "./status.ts";
import { runSteps } from "./steps.ts";
import { tellStory } from "./story.ts";

export const plan = (observed: Observed, defaults: OperatorDefaults): Plan =>
  createPlanner(planOwnChildren)(observed, defaults);

/** @param planChildren puts the Kubernetes objects right; tests give a simpler one */
export function createPlanner(
  planChildren: ChildrenPlanner,
): (observed: Observed, defaults: OperatorDefaults) => Plan {
  return (observed, defaults) => {
    const { cluster } = observed;
    if (cluster.metadata.deletionTimestamp !== undefined) {
      const status = cluster.status ?? {};
      return { actions: [], events: [], story: [], status, requeueAfterMs: requeueMs.settled };
    }
    const facts = factsOf(observed);
    const image = imageOf(observed, defaults);
    const { replicas, quorum } = facts;
    const children = planChildren(observed, defaults, { replicas, image, voters: quorum.voters });
    const outcome = runSteps(withoutStaleRevision(facts, touchesStatefulSet(children.actions)));
    const status = statusOf(facts, { outcome, children, image });
    // Before the nodes were asked, everything looks unreachable: nothing to tell of.
    const story = facts.isSurveyed ? tellStory(facts, status, outcome) : [];
    const acts: readonly Action[] = outcome.act?.actions ?? [];
    const actions = cluster.spec.paused ? [] : [...children.actions, ...acts];
    return {
      actions,
      events: outcome.act?.events ?? [],
      story,
      status,
      requeueAfterMs: requeueOf(actions, status),
    };
  };
}

/** An operator's upgrade restarts no pod: its default is for clusters that are new. */
function imageOf({ cluster, statefulSet }: Observed, defaults: OperatorDefaults): string {
  return cluster.spec.image ?? cluster.status?.image ?? statefulSet?.image ?? defaults.image;
}

/** Until a changed template has been applied and seen, no pod counts as outdated. */
const withoutStaleRevision = (facts: Facts, isChanging: boolean): Facts =>
  isChanging ? { ...facts, updateRevision: null } : facts;

function requeueOf(actions: readonly Action[], status: Plan["status"]): number {
  if (actions.length > 0) return requeueMs.acted;
  if (conditionOf(status, "Progressing")?.status === "True") return requeueMs.waiting;
  if (conditionOf(status, "Available")?.status !== "True") return requeueMs.waiting;
  if (conditionOf(status, "Degraded")?.status === "True") return requeueMs.degraded;
  return requeueMs.settled;
}
