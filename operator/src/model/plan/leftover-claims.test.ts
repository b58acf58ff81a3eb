import assert from "node:assert/strict";
import { test } from "node:test";
import { leftoverClaims } from "./leftover-claims.ts";
import { makeSpec } from "./plan.test-kit.ts";
import { answer } from "./steps.test-kit.ts";

const shrunk = { pods: 3, claims: 5 };

test("claims above the StatefulSet's replicas go when their member is gone", () => {
  assert.deepEqual(answer(leftoverClaims, shrunk), [
    "deleteClaim data-demo-3",
    "deleteClaim data-demo-4",
  ]);
});

test("a member's claim stays, also when it has no pod", () => {
  const scene = { ...shrunk, voters: [0, 1, 2, 4] };
  assert.equal(answer(leftoverClaims, scene), null);
});

test("they stay when they are to be retained, without a leader, or in hibernation", () => {
  const { storage } = makeSpec();
  const retention = { ...storage.retention, whenScaled: "Retain" } as const;
  const retained = { spec: { storage: { ...storage, retention } } };
  assert.equal(answer(leftoverClaims, { ...shrunk, ...retained }), null);
  assert.equal(answer(leftoverClaims, { ...shrunk, leader: null }), null);
  assert.equal(answer(leftoverClaims, { spec: { replicas: 0 }, ...shrunk }), null);
});

test("they stay until the StatefulSet has shrunk, and are deleted once", () => {
  assert.equal(answer(leftoverClaims, { ...shrunk, statefulSet: { replicas: 5 } }), null);
  const claimChanges = { 3: { isDeleting: true } };
  assert.deepEqual(answer(leftoverClaims, { ...shrunk, claimChanges }), [
    "deleteClaim data-demo-4",
  ]);
});

test("the scale-down is not over while a pod stops or a claim goes", () => {
  const stopping = { spec: { replicas: 3 }, pods: 4, voters: [0, 1, 2] };
  const scene = { ...stopping, statefulSet: { replicas: 3 } };
  const waitsForPod = "wait ScalingDown: waits for demo-3 to go";
  assert.equal(answer(leftoverClaims, scene), waitsForPod);
  const { storage } = makeSpec();
  const retention = { ...storage.retention, whenScaled: "Retain" } as const;
  const retained = { ...scene, spec: { replicas: 3, storage: { ...storage, retention } } };
  assert.equal(answer(leftoverClaims, retained), waitsForPod);

  const claimChanges = { 3: { isDeleting: true }, 4: { isDeleting: true } };
  const waitsForClaims = "wait ScalingDown: waits for data-demo-3, data-demo-4 to go";
  assert.equal(answer(leftoverClaims, { ...shrunk, claimChanges }), waitsForClaims);
});
