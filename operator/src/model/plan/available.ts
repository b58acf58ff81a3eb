/** Does the store serve reads and writes? Told truthfully, never acted on. */
import { selectorLabels } from "../names.ts";
import { conditionOf, type Finding } from "./condition.ts";
import { describeQuorum, type Facts, leaderOf } from "./facts.ts";
import type { MemberFact } from "./member-facts.ts";
import { describePlace } from "./places.ts";
import type { AvailableReason } from "./reasons.ts";

type Availability = Finding<AvailableReason>;

const unavailable = (reason: AvailableReason, message: string): Availability => ({
  status: "False",
  reason,
  message,
});

export function findAvailable(facts: Facts): Availability {
  const { spec, clusterId, conflictingIds, leaderView, quorum } = facts;
  if (spec.replicas === 0) {
    return unavailable("Hibernated", "spec.replicas is 0: the nodes are stopped, data are kept");
  }
  if (conflictingIds.length > 0) {
    return unavailable("ForeignData", `nodes belong to clusters ${conflictingIds.join(" and ")}`);
  }
  if (clusterId === null) {
    return unavailable("NotBootstrapped", "the store is made once every node answers");
  }
  if (isDataLost(facts)) {
    const what = `every node is blank, and the store was ${clusterId}`;
    return unavailable("DataLost", `${what}: restore a backup; it is never bootstrapped again`);
  }
  const leader = leaderOf(facts);
  if (leaderView !== null && leader?.isHealthy === true) {
    const message = `${leader.name} leads; ${describeQuorum(quorum)}`;
    return { status: "True", reason: "QuorumHealthy", message };
  }
  return findWithoutLeader(facts);
}

/** Every wanted node answered that it has no data, although there was a store. */
export function isDataLost({ clusterId, places, replicas, spec }: Facts): boolean {
  if (clusterId === null || spec.replicas === 0) return false;
  const blank = places.filter(({ standing }) => standing === "blank");
  return blank.length >= replicas && places.every(({ pod, standing }) => isNothing(pod, standing));
}

const isNothing = (pod: unknown, standing: string): boolean => pod === null || standing === "blank";

function findWithoutLeader(facts: Facts): Availability {
  const { needed } = facts.quorum;
  const voters = facts.members.filter(({ isVoter }) => isVoter);
  const taking = voters.filter(({ takesPart }) => takesPart);
  const count = `${taking.length} of ${voters.length} voters take part, ${needed} are needed`;
  if (taking.length >= needed) {
    return unavailable("NoLeader", `${count}: they have not elected a leader yet`);
  }
  const mute = voters.filter((member) => !member.takesPart && isReadyPod(member));
  if (taking.length + mute.length >= needed) {
    const names = mute.map(({ name }) => name).join(", ");
    const message = `${names}: ready for Kubernetes, and the operator cannot reach them`;
    return { status: "Unknown", reason: "StoreUnreachable", message };
  }
  const away = voters.filter(({ takesPart }) => !takesPart).map(describeMember);
  const message = `${count}; ${away.join("; ")}`;
  // Nodes that start for the first time, or after a hibernation, have lost nothing.
  const before = conditionOf(facts.cluster.status, "Available")?.reason;
  const isStarting = before !== undefined && STARTS.has(before);
  if (isStarting) return unavailable("WaitingForNodes", message);
  return unavailable("QuorumLost", `${message}. See: ${showPods(facts)}`);
}

const STARTS: ReadonlySet<string> = new Set<AvailableReason>([
  "NotBootstrapped",
  "Hibernated",
  "WaitingForNodes",
]);

const isReadyPod = ({ place }: MemberFact): boolean =>
  place?.pod?.isReady === true && place.pod.deletingUntil === null;

const describeMember = ({ place, name }: MemberFact): string =>
  place === null ? `pod ${name} does not exist` : describePlace(place);

function showPods({ cluster: { metadata } }: Facts): string {
  const labels = Object.entries(selectorLabels(metadata.name)).map(([k, v]) => `${k}=${v}`);
  return `kubectl -n ${metadata.namespace} get pods -o wide -l ${labels.join(",")}`;
}
