import assert from "node:assert/strict";
import { test } from "node:test";
import { type Configuration, type MembershipChange, toNodeId } from "./index.ts";
import { MEMBER_NAME_LENGTH_MAX, MEMBERS_MAX, planConfiguration } from "./membership-plan.ts";
import { testMember } from "./test-cluster.test-kit.ts";
import { at } from "./test-entries.test-kit.ts";

const three: Configuration = { members: [testMember(1), testMember(2), testMember(3, "learner")] };

const plan = (change: MembershipChange, current: Configuration = three): string => {
  const result = planConfiguration(current, change, at(77));
  if (result.type === "invalid") return result.detail;
  return result.configuration.members
    .map(({ id, role, demoted }) => `${id} ${role}${demoted === true ? " demoted" : ""}`)
    .join(", ");
};

const addition = (name: string): MembershipChange => ({
  type: "addLearner",
  name,
  peerAddress: "p:1",
  clientAddress: "http://c",
});
const on = (type: "promote" | "demote" | "remove", id: number): MembershipChange => ({
  type,
  nodeId: toNodeId(id),
});

test("a new member is a learner whose id is the index of its entry", () => {
  assert.equal(plan(addition("x")), "1 voter, 2 voter, 3 learner, 77 learner");
});

test("promotion, demotion and removal change one member", () => {
  assert.equal(plan(on("promote", 3)), "1 voter, 2 voter, 3 voter");
  assert.equal(plan(on("demote", 2)), "1 voter, 2 learner demoted, 3 learner");
  assert.equal(plan(on("remove", 2)), "1 voter, 3 learner");
  const demoted = {
    members: [testMember(1), { ...testMember(2, "learner"), demoted: true as const }],
  };
  assert.equal(plan(on("promote", 2), demoted), "1 voter, 2 voter");
});

test("new addresses keep the member's role and id", () => {
  const change: MembershipChange = {
    type: "updateAddresses",
    nodeId: toNodeId(2),
    peerAddress: "new:1",
    clientAddress: "http://new",
  };
  const result = planConfiguration(three, change, at(77));
  assert.ok(result.type === "planned");
  assert.deepEqual(result.configuration.members[1], {
    ...testMember(2),
    peerAddress: "new:1",
    clientAddress: "http://new",
  });
});

test("the last voter can be neither removed nor demoted", () => {
  const one = { members: [testMember(1), testMember(3, "learner")] };
  assert.match(plan(on("remove", 1), one), /last voter/);
  assert.match(plan(on("demote", 1), one), /last voter/);
});

test("names are unique and 1 to 63 long, addresses are not empty, members are bounded", () => {
  assert.match(plan(addition("n2")), /node 2 has the name/);
  assert.match(plan(addition("")), /1 to 63/);
  assert.match(plan(addition("x".repeat(MEMBER_NAME_LENGTH_MAX + 1))), /1 to 63/);
  const nowhere = { peerAddress: "", clientAddress: "http://c" };
  assert.match(plan({ type: "addLearner", name: "x", ...nowhere }), /address/);
  assert.match(plan({ type: "updateAddresses", nodeId: toNodeId(2), ...nowhere }), /address/);
  const full = { members: Array.from({ length: MEMBERS_MAX }, (_, n) => testMember(n + 1)) };
  assert.match(plan(addition("x"), full), /there are 64 members/);
});
