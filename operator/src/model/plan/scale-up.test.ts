import assert from "node:assert/strict";
import { test } from "node:test";
import { scaleUp } from "./scale-up.ts";
import { answer } from "./steps.test-kit.ts";

test("blank nodes at wanted ordinals are admitted one at a time, the lowest first", () => {
  const nodes = { 3: "blank", 4: "blank" } as const;
  const scene = { spec: { replicas: 5 }, voters: [0, 1, 2], nodes };
  assert.deepEqual(answer(scaleUp, scene), ["addMember demo-3"]);
});

test("the next node is admitted before the one before is promoted", () => {
  const scene = { learners: [1], voters: [0], nodes: { 2: "blank" } } as const;
  assert.deepEqual(answer(scaleUp, scene), ["addMember demo-2"]);
});

test("it tells how far behind a learner is, and why a pod is awaited", () => {
  const scene = { spec: { replicas: 5 }, voters: [0, 1, 2], learners: [3], lag: { 3: 1204 } };
  const podChanges = {
    4: { phase: "Pending", nodeName: null, problem: "Unschedulable: no cpu" },
  } as const;
  const nodes = { 4: "unreachable" } as const;
  assert.equal(
    answer(scaleUp, { ...scene, nodes, podChanges }),
    "wait ScalingUp: 3 of 5 nodes are voters; demo-3 (node 13) is a learner, up to 10000 entries " +
      "behind the leader; pod demo-4 has no node: Unschedulable: no cpu",
  );
});

test("what it tells of a learner under load stays the same from look to look", () => {
  const told = new Set(
    [120, 133, 260, 407, 902, 951].map((lag) =>
      answer(scaleUp, { voters: [0, 1], learners: [2], lag: { 2: lag } }),
    ),
  );
  assert.equal(told.size, 1);
});

test("nobody is admitted without a leader, from above spec.replicas, or while it is going", () => {
  const nodes = { 2: "blank" } as const;
  assert.match(
    String(answer(scaleUp, { voters: [0, 1], nodes, leader: null })),
    /waits for a leader/,
  );
  assert.equal(answer(scaleUp, { spec: { replicas: 2 }, pods: 3, voters: [0, 1], nodes }), null);
  const podChanges = { 2: { deletingUntil: 1 } };
  assert.match(String(answer(scaleUp, { voters: [0, 1], nodes, podChanges })), /is being deleted/);
});

test("there is nothing to do when every wanted node is a voter", () => {
  assert.equal(answer(scaleUp, {}), null);
});

test("a node is not admitted on a claim that is being deleted", () => {
  const claimChanges = { 2: { isDeleting: true } };
  const said = answer(scaleUp, { voters: [0, 1], nodes: { 2: "blank" }, claimChanges });
  assert.match(String(said), /^wait/);
});
