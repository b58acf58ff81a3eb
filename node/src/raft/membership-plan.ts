/**
 * What a membership change would make of a configuration, and the rules that need no knowledge of
 * the log: one server at a time (thesis §4.1), unique names, a voter left. Pure arithmetic.
 */
import type { Configuration, LogIndex, Member, MembershipChange, NodeId } from "./types.ts";
import { toNodeId } from "./types.ts";

export const MEMBER_NAME_LENGTH_MAX = 63;
export const MEMBER_ADDRESS_LENGTH_MAX = 512;
export const MEMBERS_MAX = 64;

export type ConfigurationPlan =
  | { readonly type: "planned"; readonly configuration: Configuration }
  | { readonly type: "invalid"; readonly detail: string };

const invalid = (detail: string): ConfigurationPlan => ({ type: "invalid", detail });

/** @param index of the entry that will carry the result; the id of a member that it admits. */
export function planConfiguration(
  current: Configuration,
  change: MembershipChange,
  index: LogIndex,
): ConfigurationPlan {
  if (change.type === "addLearner") return planAddition(current, change, index);
  const member = current.members.find(({ id }) => id === change.nodeId);
  if (member === undefined) return invalid(`node ${change.nodeId} is no member`);
  switch (change.type) {
    case "promote":
      if (member.role === "voter") return invalid(`node ${member.id} is a voter already`);
      return replaced(current, { ...withoutDemotion(member), role: "voter" });
    case "demote":
      if (member.role === "learner") return invalid(`node ${member.id} is a learner already`);
      if (isLastVoter(current, member.id)) return invalid(`node ${member.id} is the last voter`);
      return replaced(current, { ...member, role: "learner", demoted: true });
    case "remove":
      if (isLastVoter(current, member.id)) return invalid(`node ${member.id} is the last voter`);
      return planned(current.members.filter(({ id }) => id !== member.id));
    case "updateAddresses":
      return planAddresses(current, member, change);
  }
}

type Addition = MembershipChange & { readonly type: "addLearner" };
type Readdressing = MembershipChange & { readonly type: "updateAddresses" };

function planAddition(
  current: Configuration,
  change: Addition,
  index: LogIndex,
): ConfigurationPlan {
  const { name, peerAddress, clientAddress } = change;
  if (name.length < 1 || name.length > MEMBER_NAME_LENGTH_MAX) {
    return invalid(`the name ${JSON.stringify(name)} is not 1 to ${MEMBER_NAME_LENGTH_MAX} long`);
  }
  const namesake = current.members.find((member) => member.name === name);
  if (namesake !== undefined) return invalid(`node ${namesake.id} has the name ${name}`);
  if (current.members.length >= MEMBERS_MAX) return invalid(`there are ${MEMBERS_MAX} members`);
  const fault = addressFault(change);
  if (fault !== null) return invalid(fault);
  const id = toNodeId(index);
  return planned([...current.members, { id, name, peerAddress, clientAddress, role: "learner" }]);
}

function planAddresses(
  current: Configuration,
  member: Member,
  change: Readdressing,
): ConfigurationPlan {
  const fault = addressFault(change);
  if (fault !== null) return invalid(fault);
  const { peerAddress, clientAddress } = change;
  return replaced(current, { ...member, peerAddress, clientAddress });
}

function addressFault(change: Addition | Readdressing): string | null {
  for (const address of [change.peerAddress, change.clientAddress]) {
    if (address.length >= 1 && address.length <= MEMBER_ADDRESS_LENGTH_MAX) continue;
    return `the address ${JSON.stringify(address)} is not 1 to ${MEMBER_ADDRESS_LENGTH_MAX} long`;
  }
  return null;
}

const planned = (members: readonly Member[]): ConfigurationPlan => ({
  type: "planned",
  configuration: { members },
});

const replaced = (current: Configuration, member: Member): ConfigurationPlan =>
  planned(current.members.map((one) => (one.id === member.id ? member : one)));

function withoutDemotion({ id, name, peerAddress, clientAddress, role }: Member): Member {
  return { id, name, peerAddress, clientAddress, role };
}

const isLastVoter = (current: Configuration, id: NodeId): boolean =>
  current.members.every((member) => member.role === "learner" || member.id === id);

/** The voters of a configuration, ascending. */
export const votersOf = (configuration: Configuration): readonly NodeId[] =>
  configuration.members.filter(({ role }) => role === "voter").map(({ id }) => id);
