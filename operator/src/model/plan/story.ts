/**
 * Events that are no action of ours: what has changed since the status was written. Read off the
 * difference of two statuses and told before the new one is written, so that none is lost in a
 * crash and one that is told again counts as the same.
 */
import type { KVClusterStatus, MemberStatus } from "../api/types.ts";
import type { EventIntent } from "./action.ts";
import { conditionOf } from "./condition.ts";
import type { Facts } from "./facts.ts";
import type { EventReason } from "./reasons.ts";
import { event } from "./step.ts";
import type { StepsOutcome } from "./steps.ts";

export function tellStory(
  facts: Facts,
  status: KVClusterStatus,
  outcome: StepsOutcome,
): readonly EventIntent[] {
  const before = facts.cluster.status ?? {};
  return [
    ...tellSpec(facts),
    ...(facts.leaderView === null ? [] : tellMembers(facts, before, status)),
    ...tellAvailable(before, status),
    ...tellDegraded(before, status),
    ...tellProgress(before, status),
    ...tellBlocked(before, outcome),
  ];
}

/** Once for each change of the spec. */
function tellSpec({ cluster, spec }: Facts): readonly EventIntent[] {
  const { replicas } = spec;
  if (cluster.status?.observedGeneration === cluster.metadata.generation) return [];
  if (replicas === 0 || replicas % 2 === 1) return [];
  const survived = replicas / 2 - 1;
  const note = `${replicas} nodes survive the loss of ${survived}, as ${replicas - 1} do`;
  return [event("EvenReplicas", `${note}: an odd number is advised`)];
}

function tellMembers(
  { members, leaderView }: Facts,
  before: KVClusterStatus,
  status: KVClusterStatus,
): readonly EventIntent[] {
  const known = before.members ?? [];
  const now = status.members ?? [];
  const events = now.flatMap((member) => {
    const lag = members.find(({ nodeId }) => nodeId === member.nodeId)?.lag ?? null;
    return tellMember(member, { lag, voters: countVoters(now), known });
  });
  const gone = known
    .filter(({ nodeId }) => now.every((member) => member.nodeId !== nodeId))
    .map(({ name, nodeId }) =>
      event("MemberRemoved", `${name} (node ${nodeId}) is no member any more: ${now.length} are`),
    );
  const isNewLeader = status.leader !== undefined && status.leader !== before.leader;
  const note = `${status.leader} leads in term ${leaderView?.node.term}`;
  return [...events, ...gone, ...(isNewLeader ? [event("LeaderChanged", note)] : [])];
}

const countVoters = (members: readonly MemberStatus[]): number =>
  members.filter(({ role }) => role !== "learner").length;

interface MemberNews {
  /** Entries that it is behind; null when the leader did not tell. */
  readonly lag: number | null;
  readonly voters: number;
  readonly known: readonly MemberStatus[];
}

function tellMember(member: MemberStatus, news: MemberNews): readonly EventIntent[] {
  const { name, nodeId, role } = member;
  const before = news.known.find((one) => one.nodeId === nodeId);
  const who = `${name} (node ${nodeId})`;
  const lag = news.lag === null ? "" : `, ${news.lag} entries behind the leader`;
  const admitted = event("MemberAdmitted", `${who} is admitted as a learner${lag}`);
  const promoted = event("MemberPromoted", `${who} has caught up${lag}: voter ${news.voters}`);
  if (before !== undefined) {
    return before.role === "learner" && role !== "learner" ? [promoted] : [];
  }
  if (role === "learner") return [admitted];
  // Whom the store is made of never learned; whoever comes later did, if only between two passes.
  if (news.known.length === 0) return [event("MemberAdmitted", `${who} is a voter`)];
  return [event("MemberAdmitted", `${who} is admitted as a learner`), promoted];
}

function tellAvailable(before: KVClusterStatus, status: KVClusterStatus): readonly EventIntent[] {
  const was = conditionOf(before, "Available");
  const is = conditionOf(status, "Available");
  if (is === null || was?.reason === is.reason) return [];
  if (is.reason === "QuorumLost") return [event("QuorumLost", is.message)];
  if (is.reason === "DataLost") return [event("DataLost", is.message)];
  if (is.reason === "Hibernated") return [event("Hibernated", is.message)];
  const isBack = is.status === "True" || is.reason === "NoLeader";
  if (was?.reason === "QuorumLost" && isBack) return [event("QuorumRegained", is.message)];
  const isFirst = was === null || was.reason === "NotBootstrapped";
  if (is.status !== "True" || !isFirst) return [];
  return [event("Bootstrapped", `cluster ${status.clusterId}: ${is.message}`)];
}

/** What is told by no other Event. */
const FAULTS: readonly EventReason[] = [
  "ForeignData",
  "ChildrenFaulty",
  "MemberCorrupt",
  "MemberLost",
  "PodFailing",
];

function tellDegraded(before: KVClusterStatus, status: KVClusterStatus): readonly EventIntent[] {
  const was = conditionOf(before, "Degraded")?.reason;
  const is = conditionOf(status, "Degraded");
  const fault = FAULTS.find((reason) => reason === is?.reason);
  return fault === undefined || fault === was ? [] : [event(fault, is?.message ?? "")];
}

const ROLLS: ReadonlySet<string> = new Set(["Rolling", "RollPaused", "RollFailing"]);
const SCALES: ReadonlySet<string> = new Set(["ScalingUp", "ScalingDown", "ScaleDownBlocked"]);

function tellProgress(before: KVClusterStatus, status: KVClusterStatus): readonly EventIntent[] {
  const was = conditionOf(before, "Progressing")?.reason ?? "";
  const is = conditionOf(status, "Progressing");
  if (is === null || was === is.reason) return [];
  const { reason, message } = is;
  if (reason === "ScalingUp" || reason === "ScalingDown") return [event(reason, message)];
  if (reason === "Rolling" && !ROLLS.has(was)) return [event("RollStarted", message)];
  if (reason !== "AsSpecified") return [];
  if (ROLLS.has(was)) return [event("RollDone", message)];
  return SCALES.has(was) ? [event("ScalingDone", message)] : [];
}

/** When the message is new, which conditions keep: Progressing, or Degraded among others. */
function tellBlocked(before: KVClusterStatus, { pending }: StepsOutcome): readonly EventIntent[] {
  const told = (before.conditions ?? []).map(({ message }) => message);
  return pending.flatMap((result) => {
    if (result.type !== "blocked") return [];
    const isKnown = told.some((message) => message.includes(result.message));
    return isKnown ? [] : [event(result.event, result.message)];
  });
}
