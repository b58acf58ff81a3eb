import assert from "node:assert/strict";
import { test } from "node:test";
import { removedNodes } from "./removed-nodes.ts";
import { NOW } from "./scene.test-kit.ts";
import { answer } from "./steps.test-kit.ts";

const both = ["deleteClaim data-demo-2", "deletePod demo-2"];

test("a node that is no member any more loses its claim, then its pod", () => {
  const scene = { voters: [0, 1] };
  assert.deepEqual(answer(removedNodes, { ...scene, nodes: { 2: "removed" } }), both);
  assert.deepEqual(answer(removedNodes, { ...scene, nodes: { 2: "corrupt" } }), both);
  // It was down when it was removed, and was never told.
  assert.deepEqual(answer(removedNodes, { ...scene, ids: { 2: 7 } }), both);
});

test("a member keeps its claim, whatever its node says", () => {
  for (const one of ["removed", "corrupt", "unreachable"] as const) {
    assert.equal(answer(removedNodes, { nodes: { 2: one } }), null, one);
  }
});

test("nothing is discarded without the leader's list, or above spec.replicas", () => {
  const nodes = { 2: "removed" } as const;
  assert.equal(answer(removedNodes, { voters: [0, 1], nodes, leader: null }), null);
  assert.equal(
    answer(removedNodes, { spec: { replicas: 2 }, pods: 3, voters: [0, 1], nodes }),
    null,
  );
});

test("a pod that hangs in Terminating is forced away, with the claim that holds it", () => {
  const nodes = { 2: "unreachable" } as const;
  const podChanges = { 2: { isReady: false, deletingUntil: NOW - 1 } };
  const forced = ["deleteClaim data-demo-2", "deletePod demo-2 by force"];
  assert.deepEqual(answer(removedNodes, { voters: [0, 1], nodes, podChanges }), forced);
  const inGrace = { 2: { isReady: false, deletingUntil: NOW + 1 } };
  assert.equal(answer(removedNodes, { voters: [0, 1], nodes, podChanges: inGrace }), null);
});

test("a blank node is not discarded, nor one whose claim waits for its first node", () => {
  assert.equal(answer(removedNodes, { voters: [0, 1], nodes: { 2: "blank" } }), null);
  const podChanges = { 2: { phase: "Pending", nodeName: null, problem: "no cpu" } } as const;
  const scene = { voters: [0, 1], nodes: { 2: "unreachable" }, podChanges } as const;
  assert.equal(answer(removedNodes, { ...scene, claimChanges: { 2: { phase: "Pending" } } }), null);
  assert.deepEqual(answer(removedNodes, scene), both);
});

test("what is going already is not deleted again", () => {
  const scene = { voters: [0, 1], nodes: { 2: "removed" } } as const;
  const claimChanges = { 2: { isDeleting: true } };
  assert.deepEqual(answer(removedNodes, { ...scene, claimChanges }), ["deletePod demo-2"]);
  const podChanges = { 2: { deletingUntil: NOW + 1 } };
  assert.equal(answer(removedNodes, { ...scene, claimChanges, podChanges }), null);
});

test("a claim whose deletion was begun takes its pod along, so that no member stands on it", () => {
  const claimChanges = { 2: { isDeleting: true } };
  const scene = { voters: [0, 1], nodes: { 2: "blank" }, claimChanges } as const;
  assert.deepEqual(answer(removedNodes, scene), ["deletePod demo-2"]);
});
