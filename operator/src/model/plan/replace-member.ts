/**
 * Members that nobody is any more. A learner whose node has no such identity never took part: it is
 * removed at once. A voter that lost its data, is corrupt or cannot come back is removed only under
 * brakes: a healthy majority of the others, a minimum age, one at a time, so many a day.
 */
import { formatTime, parseTime } from "../time.ts";
import { countQuorum, describeQuorum, type Facts, isSafeWithout, isWanted } from "./facts.ts";
import { DEGRADED_AFTER_MS, REPLACEMENTS_WINDOW_MS } from "./limits.ts";
import type { MemberFact } from "./member-facts.ts";
import type { Place } from "./places.ts";
import { replaceableAt, whyLost } from "./pod-actions.ts";
import { replacementsOf } from "./replacements.ts";
import { event, type Step, type StepResult } from "./step.ts";

export const ghostLearners: Step = (facts) => {
  if (facts.leaderView === null) return null;
  const ghost = facts.members.find(({ isVoter, isGhost }) => !isVoter && isGhost);
  if (ghost === undefined || !isSafeWithout(facts, ghost)) return null;
  const why = `no node is learner ${ghost.name} (node ${ghost.nodeId})`;
  return removal(ghost, why);
};

export const replaceMember: Step = (facts) => {
  if (facts.leaderView === null) return null;
  const lost = facts.members.flatMap((member) => {
    const why = whyReplaced(facts, member);
    return why === null ? [] : [{ member, why: `${member.name} (node ${member.nodeId}): ${why}` }];
  });
  // Learners first: without them no majority changes.
  const next = lost.find(({ member }) => !member.isVoter) ?? lost[0];
  if (next === undefined) return null;
  return brake(facts, next.member, next.why) ?? removal(next.member, next.why);
};

/** Why a wanted member has to be replaced, now or later; null when it need not. */
export function whyReplaced(facts: Facts, member: MemberFact): string | null {
  const { place, ordinal, isGhost, isHeard } = member;
  if (place === null || ordinal === null || !isWanted(facts, ordinal)) return null;
  if (isGhost) return "its volume was lost";
  if (place.standing === "corrupt") return "its data are corrupt";
  // Whoever the leader hears is not lost: perhaps only we cannot reach it.
  return isHeard || !isLasting(facts, place) ? null : whyLost(facts, place);
}

/** A restart takes less. */
function isLasting({ now, spec }: Facts, { pod }: Place): boolean {
  const lastsMs = Math.min(DEGRADED_AFTER_MS, spec.repair.replaceAfterSeconds * 1000);
  return pod !== null && now - pod.readySince >= lastsMs;
}

function brake(facts: Facts, member: MemberFact, why: string): StepResult | null {
  const blocked = (because: string): StepResult => ({
    type: "blocked",
    reason: "Replacing",
    message: `${why}; it is not replaced: ${because}`,
    event: "ReplacementBraked",
  });
  const { repair } = facts.spec;
  if (!repair.enabled) return blocked("spec.repair.enabled is false");
  const due = member.place === null ? Number.POSITIVE_INFINITY : replaceableAt(facts, member.place);
  if (facts.now < due) {
    const message = `${why}; it is replaced if that lasts until ${formatTime(due)}`;
    return { type: "wait", reason: "Replacing", message };
  }
  if (!isSafeWithout(facts, member)) {
    const rest = facts.members.filter(({ nodeId }) => nodeId !== member.nodeId);
    return blocked(`without it ${describeQuorum(countQuorum(rest))}`);
  }
  const busy = whyBusy(facts, member);
  if (busy !== null) return { type: "wait", reason: "Replacing", message: `${why}; first ${busy}` };
  return member.isVoter ? brakeOfTheDay(facts, blocked) : null;
}

/** One at a time: every other wanted node has to be a voter. */
function whyBusy({ spec, cluster, members }: Facts, member: MemberFact): string | null {
  for (let ordinal = 0; ordinal < spec.replicas; ordinal++) {
    if (ordinal === member.ordinal) continue;
    const other = members.find((one) => one.ordinal === ordinal);
    const name = `${cluster.metadata.name}-${ordinal}`;
    if (other === undefined) return `${name} has to become a member`;
    if (!other.isVoter && member.isVoter) return `${name} has to become a voter`;
  }
  return null;
}

function brakeOfTheDay(facts: Facts, blocked: (because: string) => StepResult): StepResult | null {
  const { replacementsPerDayMax } = facts.spec.repair;
  const made = replacementsOf(facts);
  if (made.length < replacementsPerDayMax) return null;
  const oldest = parseTime(made[made.length - replacementsPerDayMax] ?? "") ?? facts.now;
  const until = formatTime(oldest + REPLACEMENTS_WINDOW_MS);
  const limit = `spec.repair.replacementsPerDayMax is ${replacementsPerDayMax}`;
  return blocked(`${made.length} were replaced within 24 h and ${limit}; waits until ${until}`);
}

function removal(member: MemberFact, why: string): StepResult {
  const { name, nodeId, isVoter } = member;
  return {
    type: "act",
    reason: "Replacing",
    message: `removes ${why}`,
    actions: [{ type: "removeMember", member: name, nodeId, why, isReplacement: isVoter }],
    events: [event(isVoter ? "ReplacingMember" : "RemovingMember", why)],
  };
}
