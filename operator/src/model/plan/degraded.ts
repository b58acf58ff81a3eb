/** What is wrong, also while the store still serves. The gravest gives the reason. */
import { isDataLost } from "./available.ts";
import type { ChildrenPlan } from "./children-planner.ts";
import type { Finding } from "./condition.ts";
import type { Facts } from "./facts.ts";
import { DEGRADED_AFTER_MS } from "./limits.ts";
import type { MemberFact } from "./member-facts.ts";
import { describePlace, isStuck } from "./places.ts";
import type { AvailableReason, DegradedReason } from "./reasons.ts";
import { whyReplaced } from "./replace-member.ts";
import type { StepsOutcome } from "./steps.ts";

interface Problem {
  readonly reason: DegradedReason;
  readonly message: string;
}

export interface DegradedSources {
  readonly available: Finding<AvailableReason>;
  readonly outcome: StepsOutcome;
  readonly children: ChildrenPlan;
}

export function findDegraded(facts: Facts, sources: DegradedSources): Finding<DegradedReason> {
  const problems = findProblems(facts, sources);
  const [first] = problems;
  if (first === undefined) {
    return { status: "False", reason: "AsExpected", message: "nothing is wrong" };
  }
  const messages = problems.map((problem) => problem.message);
  return { status: "True", reason: first.reason, message: withoutRepeats(messages).join("; ") };
}

/** What another message says as well is left out. */
const withoutRepeats = (messages: readonly string[]): readonly string[] =>
  messages.filter(
    (message, i) =>
      messages.indexOf(message) === i &&
      !messages.some((other) => other !== message && other.includes(message)),
  );

function findProblems(facts: Facts, sources: DegradedSources): readonly Problem[] {
  const { available, outcome, children } = sources;
  const faults = children.faults.map((message) => ({ reason: "ChildrenFaulty", message }) as const);
  if (facts.spec.replicas === 0) return faults;
  const isQuorumLost = available.reason === "QuorumLost";
  return [
    ...(isDataLost(facts) ? [{ reason: "DataLost", message: available.message } as const] : []),
    ...findForeign(facts),
    ...(isQuorumLost ? [{ reason: "QuorumLost", message: available.message } as const] : []),
    ...faults,
    ...findBraked(outcome),
    ...findSickMembers(facts),
    ...(isQuorumLost ? [] : findAway(facts)),
  ];
}

function findForeign({ places, conflictingIds, clusterId }: Facts): readonly Problem[] {
  const foreign = places.filter(({ standing }) => standing === "foreign");
  if (foreign.length === 0) return [];
  const names = foreign.map(({ name }) => name).join(", ");
  const ours = clusterId === null ? "" : `; this one is ${clusterId}`;
  const ids = conflictingIds.length === 0 ? "another cluster" : conflictingIds.join(" and ");
  const message = `${names}: data of ${ids}${ours}; delete the claims that are not wanted`;
  return [{ reason: "ForeignData", message }];
}

/** Members that will be replaced, or would be if they were allowed to. */
function findSickMembers(facts: Facts): readonly Problem[] {
  if (facts.leaderView === null) return [];
  return facts.members.flatMap((member): readonly Problem[] => {
    const why = member.isVoter ? whyReplaced(facts, member) : null;
    if (why === null) return [];
    const isCorrupt = member.place?.standing === "corrupt";
    const message = `${member.name} (node ${member.nodeId}): ${why}`;
    return [{ reason: isCorrupt ? "MemberCorrupt" : "MemberLost", message }];
  });
}

/** A restart takes less. */
const isLastingly = ({ now }: Facts, { place }: MemberFact): boolean =>
  place?.pod != null && now - place.pod.readySince > DEGRADED_AFTER_MS;

function findBraked({ pending }: StepsOutcome): readonly Problem[] {
  return pending.flatMap((result): readonly Problem[] => {
    if (result.type !== "blocked") return [];
    if (result.event !== "ReplacementBraked" && result.event !== "RollFailing") return [];
    return [{ reason: result.event, message: result.message }];
  });
}

function findAway(facts: Facts): readonly Problem[] {
  return facts.places.flatMap((place): readonly Problem[] => {
    const { pod, ordinal, name } = place;
    if (pod === null || ordinal >= facts.replicas) return [];
    if (isStuck(pod, facts.now) && place.standing === "unreachable") {
      return [{ reason: "PodFailing", message: describePlace(place) }];
    }
    const member = facts.members.find((one) => one.name === name);
    const isAway = member?.isVoter === true && !member.isHealthy && isLastingly(facts, member);
    if (!isAway || pod.isReady) return [];
    return [{ reason: "MemberUnhealthy", message: describePlace(place) }];
  });
}
