import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW } from "./scene.test-kit.ts";
import { answer } from "./steps.test-kit.ts";
import { stuckPods } from "./stuck-pods.ts";

const crashing = { revision: "old", isReady: false, problem: "CrashLoopBackOff" } as const;
const nodes = { 1: "unreachable", 2: "unreachable" } as const;

test("pods that crash at an old revision are replaced together, with no quorum", () => {
  const scene = { nodes, leader: null, podChanges: { 1: crashing, 2: crashing } };
  assert.deepEqual(answer(stuckPods, scene), ["deletePod demo-1", "deletePod demo-2"]);
});

test("a pod without a node, or that never starts, is replaced; one that just starts is not", () => {
  const pending = { revision: "old", isReady: false, phase: "Pending" } as const;
  const unscheduled = { ...pending, nodeName: null, problem: "Unschedulable" };
  assert.deepEqual(answer(stuckPods, { nodes, podChanges: { 2: unscheduled } }), [
    "deletePod demo-2",
  ]);
  const justRefused = { ...unscheduled, readySince: NOW - 10_000 };
  assert.equal(answer(stuckPods, { nodes, podChanges: { 2: justRefused } }), null);
  assert.deepEqual(answer(stuckPods, { nodes, podChanges: { 2: pending } }), ["deletePod demo-2"]);
  const young = { ...pending, readySince: NOW - 120_000 };
  assert.equal(answer(stuckPods, { nodes, podChanges: { 2: young } }), null);
});

test("a node that runs keeps its vote: it is not stuck, however long it is not ready", () => {
  const running = { revision: "old", isReady: false, phase: "Running" } as const;
  assert.equal(answer(stuckPods, { nodes, podChanges: { 2: running } }), null);
  assert.equal(answer(stuckPods, { leader: null, podChanges: { 2: crashing } }), null);
});

test("blank nodes of an old revision have nothing to lose", () => {
  const scene = { status: {}, nodes: { 0: "blank", 1: "blank", 2: "blank" } } as const;
  const podChanges = { 1: { revision: "old", isReady: false } };
  assert.deepEqual(answer(stuckPods, { ...scene, podChanges }), ["deletePod demo-1"]);
});

test("a broken pod of the new revision stays: another one would break as well", () => {
  const podChanges = { 2: { ...crashing, revision: "new" } };
  assert.equal(answer(stuckPods, { nodes, podChanges }), null);
});

test("a paused roll leaves them", () => {
  const spec = { updatePolicy: { pause: true } };
  assert.equal(answer(stuckPods, { spec, nodes, podChanges: { 2: crashing } }), null);
});
