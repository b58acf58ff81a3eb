/**
 * Removes members above `spec.replicas`, one a pass, highest ordinal first. Only while the voters
 * that stay are a healthy majority; the leader hands over before. The StatefulSet shrinks after.
 */
import { countQuorum, describeQuorum, type Facts, isSafeWithout, isWanted } from "./facts.ts";
import type { MemberFact } from "./member-facts.ts";
import { event, type Step, type StepResult } from "./step.ts";
import { transferTarget } from "./transfer-target.ts";

export const scaleDown: Step = (facts) => {
  const { spec, leaderView } = facts;
  if (spec.replicas === 0) return null;
  const surplus = facts.members
    .filter(({ ordinal }) => ordinal !== null && !isWanted(facts, ordinal))
    .reverse();
  const [highest] = surplus;
  if (highest === undefined) return null;
  const task = `${facts.members.length} members, ${spec.replicas} are wanted`;
  if (leaderView === null) {
    return { type: "wait", reason: "ScalingDown", message: `${task}; waits for a leader` };
  }
  // A dead member may have to go before a healthy one can.
  const next = surplus.find((member) => isSafeWithout(facts, member));
  if (next === undefined) return refusal(facts, highest, task);
  return next.isLeader ? handOver(facts, next, task) : removal(next, task);
};

function refusal(facts: Facts, member: MemberFact, task: string): StepResult {
  const rest = facts.members.filter(({ nodeId }) => nodeId !== member.nodeId);
  const message = `${task}; without ${member.name} ${describeQuorum(countQuorum(rest))}`;
  return { type: "blocked", reason: "ScaleDownBlocked", message, event: "ScaleDownBlocked" };
}

function handOver(facts: Facts, leader: MemberFact, task: string): StepResult {
  const target = transferTarget(facts);
  if (target === null) {
    const message = `${task}; ${leader.name} leads, and no voter that stays is caught up`;
    return { type: "wait", reason: "ScalingDown", message };
  }
  const why = `${task}; ${leader.name} leads and hands over to ${target.name} before it goes`;
  return {
    type: "act",
    reason: "ScalingDown",
    message: why,
    actions: [{ type: "transferLeadership", to: target.name, why }],
    events: [event("TransferringLeadership", why)],
  };
}

function removal({ name, nodeId }: MemberFact, task: string): StepResult {
  const why = `${task}; removes ${name} (node ${nodeId})`;
  return {
    type: "act",
    reason: "ScalingDown",
    message: why,
    actions: [{ type: "removeMember", member: name, nodeId, why, isReplacement: false }],
    events: [event("RemovingMember", why)],
  };
}
