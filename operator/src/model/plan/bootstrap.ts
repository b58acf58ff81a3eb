/**
 * Makes the store, once: at ordinal 0, when nothing says that there ever was one and every node has
 * answered that it is blank. One node with an identity, or one that does not answer, forbids it.
 */
import type { Facts } from "./facts.ts";
import { describePlace } from "./places.ts";
import { event, type Step } from "./step.ts";
import { isGoing } from "./store-views.ts";

export const bootstrap: Step = (facts) => {
  const { cluster, clusterId, replicas, places, conflictingIds } = facts;
  if (clusterId !== null || conflictingIds.length > 0 || replicas === 0) return null;
  const remembered = cluster.status?.members?.length ?? 0;
  if (remembered > 0) {
    const message = `status.members has ${remembered} members and status.clusterId is missing`;
    return { type: "blocked", reason: "Bootstrapping", message, event: "DataLost" };
  }
  const needed = Array.from({ length: replicas }, (_, ordinal) => ordinal);
  const awaited = needed.flatMap((ordinal) => whyAwaited(facts, ordinal));
  if (awaited.length > 0) {
    return { type: "wait", reason: "Bootstrapping", message: `waits: ${awaited.join("; ")}` };
  }
  const pod = places[0]?.name ?? "";
  const message = `all ${replicas} nodes are blank: makes the store at ${pod}`;
  return {
    type: "act",
    reason: "Bootstrapping",
    message,
    actions: [{ type: "bootstrap", pod }],
    events: [event("Bootstrapping", message)],
  };
};

function whyAwaited({ places, cluster }: Facts, ordinal: number): readonly string[] {
  const place = places.find((one) => one.ordinal === ordinal);
  if (place === undefined) return [`pod ${cluster.metadata.name}-${ordinal} does not exist yet`];
  const { standing, pod, claim, name } = place;
  if (standing !== "blank" || pod?.deletingUntil !== null) return [describePlace(place)];
  return claim !== null && !isGoing(claim) ? [] : [`the claim of ${name} is being deleted`];
}
