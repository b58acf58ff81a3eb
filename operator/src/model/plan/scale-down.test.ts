import assert from "node:assert/strict";
import { test } from "node:test";
import { scaleDown } from "./scale-down.ts";
import { answer } from "./steps.test-kit.ts";

const to3 = { spec: { replicas: 3 }, pods: 5 };

test("the member of the highest ordinal is removed first", () => {
  assert.deepEqual(answer(scaleDown, to3), ["removeMember demo-4 14"]);
});

test("a leader hands over to a caught-up voter that stays before it goes", () => {
  const scene = { ...to3, leader: 4, lag: { 0: 5000, 1: 101 } };
  assert.deepEqual(answer(scaleDown, scene), ["transferLeadership demo-2"]);
  const said = answer(scaleDown, { ...scene, lag: { 0: 101, 1: 101, 2: 101 } });
  assert.match(String(said), /^wait ScalingDown: .*no voter that stays is caught up/);
});

test("it refuses to go below a healthy majority, with the numbers", () => {
  const nodes = { 0: "unreachable" } as const;
  assert.equal(
    answer(scaleDown, { spec: { replicas: 2 }, pods: 3, leader: 1, nodes }),
    "blocked ScaleDownBlocked: 3 members, 2 are wanted; " +
      "without demo-2 1 of 2 voters are healthy, 2 are needed",
  );
});

test("a dead member goes before a healthy one when that keeps the majority", () => {
  const scene = { spec: { replicas: 1 }, pods: 3, nodes: { 1: "unreachable" } } as const;
  assert.deepEqual(answer(scaleDown, scene), ["removeMember demo-1 11"]);
});

test("nothing is removed without a leader, nor when the cluster is sent to sleep", () => {
  assert.match(String(answer(scaleDown, { ...to3, leader: null })), /waits for a leader/);
  assert.equal(answer(scaleDown, { spec: { replicas: 0 }, pods: 3 }), null);
});
