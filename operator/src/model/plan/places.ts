/** What stands at each ordinal: pod, claim, and what the node in the pod is to the store. */
import type { NodeView, Observed, ObservedClaim, ObservedPod } from "../observed.ts";
import { STUCK_AFTER_MS, UNSCHEDULED_AFTER_MS } from "./limits.ts";
import type { StoreViews } from "./store-views.ts";

/**
 * What a node is, by its own answer and the leader's list. `removed`: its id is no member, it never
 * will be one again. `foreign`: it holds another cluster's data. `silent`: it answered, but not who
 * it is.
 */
export type Standing =
  | "absent"
  | "unreachable"
  | "starting"
  | "blank"
  | "joined"
  | "silent"
  | "corrupt"
  | "removed"
  | "foreign";

export interface Place {
  readonly ordinal: number;
  readonly name: string;
  readonly pod: ObservedPod | null;
  readonly claim: ObservedClaim | null;
  readonly node: NodeView | null;
  readonly standing: Standing;
  /** Raft's id that the node has; null when it did not tell. */
  readonly nodeId: number | null;
}

export function placesOf(observed: Observed, store: StoreViews): readonly Place[] {
  const { pods, claims, nodes, cluster } = observed;
  const ordinals = new Set([...pods, ...claims].map(({ ordinal }) => ordinal));
  return [...ordinals]
    .sort((a, b) => a - b)
    .map((ordinal) => {
      const pod = pods.find((one) => one.ordinal === ordinal) ?? null;
      const claim = claims.find((one) => one.ordinal === ordinal) ?? null;
      const node = pod === null ? null : (nodes.find((one) => one.pod === pod.name) ?? null);
      const status = node?.type === "answered" ? node.status : null;
      const name = `${cluster.metadata.name}-${ordinal}`;
      const standing = pod === null ? "absent" : standingOf(node, store);
      return { ordinal, name, pod, claim, node, standing, nodeId: status?.node.id ?? null };
    });
}

function standingOf(node: NodeView | null, store: StoreViews): Standing {
  if (node === null || node.type === "unreachable") return "unreachable";
  if (node.phase === "starting" || node.phase === "blank" || node.phase === "corrupt") {
    return node.phase;
  }
  const { status } = node;
  if (status !== null && status.clusterId !== store.clusterId) return "foreign";
  if (node.phase === "removed") return "removed";
  if (status === null) return "silent";
  const { leaderView } = store;
  if (leaderView === null) return "joined";
  return leaderView.members.some(({ id }) => id === status.node.id) ? "joined" : "removed";
}

/** Waiting reasons of a container that do not pass by themselves. */
const LASTING_PROBLEMS: ReadonlySet<string> = new Set([
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/** Its image, configuration or program fails: the same pod elsewhere would fail as well. */
export function isFailing({ problem, phase, isReady }: ObservedPod): boolean {
  if (isReady) return false;
  // A problem starts with its reason; a message may follow.
  const reason = problem === null ? "" : (/^\w*/.exec(problem)?.[0] ?? "");
  return LASTING_PROBLEMS.has(reason) || phase === "Failed" || phase === "Succeeded";
}

export const isUnscheduled = ({ phase, nodeName }: ObservedPod): boolean =>
  phase === "Pending" && nodeName === null;

/**
 * Whether a pod does not get on by itself: it fails, finds no place or does not start. One that
 * runs is never stuck: without a quorum no node is ready, and its vote may be the one that lacks.
 */
export function isStuck(pod: ObservedPod, now: number): boolean {
  if (pod.isReady || pod.deletingUntil !== null) return false;
  if (isFailing(pod)) return true;
  const waited = now - pod.readySince;
  if (isUnscheduled(pod) && pod.problem !== null) return waited > UNSCHEDULED_AFTER_MS;
  return pod.phase !== "Running" && waited > STUCK_AFTER_MS;
}

/** Why a node is not ready, for people: `c-1 cannot be scheduled: …`. No running figures. */
export function describePlace({ name, pod, node, standing }: Place): string {
  if (pod === null) return `pod ${name} does not exist yet`;
  if (pod.deletingUntil !== null) {
    const isMute = standing === "unreachable";
    return `pod ${name} is being deleted${isMute ? " and does not answer" : ""}`;
  }
  if (isUnscheduled(pod)) return `pod ${name} has no node: ${pod.problem ?? "being scheduled"}`;
  if (!pod.isReady && pod.problem !== null) return `pod ${name}: ${pod.problem}`;
  if (standing === "unreachable") return `${name} does not answer`;
  if (standing !== "joined") return `${name} is ${standing}`;
  const told = node?.type === "answered" ? node.reasons.join(", ") : "";
  const reasons = told.replaceAll(/\b\d+\b/g, "N");
  return `${name} is not ready${reasons === "" ? "" : `: ${reasons}`}`;
}
