/** Is the operator on its way to the spec, and what is awaited? */
import type { ChildrenPlan } from "./children-planner.ts";
import { conditionOf, type Finding } from "./condition.ts";
import type { Facts } from "./facts.ts";
import { describePlace } from "./places.ts";
import type { ProgressingReason } from "./reasons.ts";
import type { StepsOutcome } from "./steps.ts";

type Progress = Finding<ProgressingReason>;

export function findProgressing(
  facts: Facts,
  { act, pending }: StepsOutcome,
  children: ChildrenPlan,
): Progress {
  const { spec } = facts;
  if (spec.paused) {
    return { status: "False", reason: "Paused", message: "spec.paused is true: nothing is done" };
  }
  if (spec.replicas === 0) return findHibernation(facts);
  if (act !== null) return { status: "True", reason: act.reason, message: act.message };
  const blocked = findPending("False", pending, "blocked") ?? findPending("True", pending, "wait");
  if (blocked !== null) return blocked;
  if (children.actions.length > 0) {
    const message = `puts ${children.actions.length} Kubernetes objects right`;
    return { status: "True", reason: "Repairing", message };
  }
  return findAwaited(facts);
}

/** All of one type are told; the first gives the reason. */
function findPending(
  status: Progress["status"],
  pending: StepsOutcome["pending"],
  type: StepsOutcome["pending"][number]["type"],
): Progress | null {
  const results = pending.filter((result) => result.type === type);
  const [first] = results;
  if (first === undefined) return null;
  return { status, reason: first.reason, message: results.map((r) => r.message).join("; ") };
}

function findHibernation({ places }: Facts): Progress {
  const running = places.filter(({ pod }) => pod !== null);
  const reason = "Hibernated";
  if (running.length === 0) return { status: "False", reason, message: "no node runs" };
  const names = running.map(({ name }) => name).join(", ");
  return { status: "True", reason, message: `waits for ${names} to stop` };
}

/** Everything is set going; the last nodes may still be starting. */
function findAwaited(facts: Facts): Progress {
  const { members, cluster, spec } = facts;
  const away = members.filter(({ isHealthy, place }) => !isHealthy || place?.pod?.isReady !== true);
  if (away.length === 0) {
    const message = `${members.length} of ${spec.replicas} nodes are voters and ready`;
    return { status: "False", reason: "AsSpecified", message };
  }
  const names = away.map(({ place, name }) =>
    place === null ? `pod ${name} does not exist yet` : describePlace(place),
  );
  const before = conditionOf(cluster.status, "Progressing")?.reason;
  const reason = CONTINUING.find((one) => one === before) ?? "WaitingForNodes";
  return { status: "True", reason, message: `waits: ${names.join("; ")}` };
}

/** What is under way until the nodes it has started are ready. */
const CONTINUING: readonly ProgressingReason[] = ["Rolling", "Replacing", "ScalingUp"];
