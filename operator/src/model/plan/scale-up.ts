/**
 * Admits blank nodes at wanted ordinals as learners, one a pass, lowest ordinal first. The leader
 * promotes them itself when they have caught up; this step tells how far behind they are.
 */
import { type Facts, memberAt } from "./facts.ts";
import { describeLag, type MemberFact } from "./member-facts.ts";
import { describePlace, type Place } from "./places.ts";
import { event, type Step } from "./step.ts";

export const scaleUp: Step = (facts) => {
  const { clusterId, spec, leaderView, quorum } = facts;
  if (clusterId === null) return null;
  const learners = facts.members.filter(
    (member) => !member.isVoter && isWantedMember(facts, member),
  );
  const missing = missingNames(facts);
  if (learners.length === 0 && missing.length === 0) return null;
  const reason = facts.cluster.status?.conditions?.some(({ reason }) => reason === "Replacing")
    ? "Replacing"
    : "ScalingUp";
  const task = `${quorum.voters} of ${spec.replicas} nodes are voters`;
  if (leaderView === null) return { type: "wait", reason, message: `${task}; waits for a leader` };
  const blank = facts.places.find((place) => missing.includes(place.name) && isReadyToJoin(place));
  if (blank !== undefined && memberAt(facts, blank) === null) {
    const why = `${task}; ${blank.name} is blank: admits it as a learner`;
    return {
      type: "act",
      reason,
      message: why,
      actions: [{ type: "addMember", pod: blank.name, why }],
      events: [event("AdmittingMember", why)],
    };
  }
  const awaited = [
    ...learners.map(describeLearner),
    ...missing.map((name) => describeMissing(facts, name)),
  ];
  return { type: "wait", reason, message: `${task}; ${awaited.join("; ")}` };
};

/** A member on a claim that is being deleted would lose its data at the next restart. */
const isReadyToJoin = ({ standing, pod, claim }: Place): boolean =>
  standing === "blank" && pod?.deletingUntil === null && claim?.isDeleting === false;

const isWantedMember = ({ spec }: Facts, { ordinal }: MemberFact): boolean =>
  ordinal !== null && ordinal < spec.replicas;

function missingNames({ spec, cluster, members }: Facts): readonly string[] {
  return Array.from({ length: spec.replicas }, (_, i) => `${cluster.metadata.name}-${i}`).filter(
    (name) => members.every((member) => member.name !== name),
  );
}

function describeLearner({ name, nodeId, lag, place, takesPart }: MemberFact): string {
  const who = `${name} (node ${nodeId}) is a learner`;
  if (place !== null && !takesPart) return `${who}; ${describePlace(place)}`;
  return lag === null ? who : `${who}, ${describeLag(lag)}`;
}

function describeMissing({ places }: Facts, name: string): string {
  const place = places.find((one) => one.name === name);
  return place === undefined ? `pod ${name} does not exist yet` : describePlace(place);
}
