import assert from "node:assert/strict";
import { test } from "node:test";
import { CLUSTER_ID, factsIn, type Scene } from "./scene.test-kit.ts";

const replicas = (scene: Scene): number => factsIn(scene).replicas;

test("as many pods as asked for, and never fewer than hold a member", () => {
  assert.equal(replicas({ spec: { replicas: 5 }, pods: 3 }), 5);
  assert.equal(replicas({ spec: { replicas: 1 }, pods: 5, voters: [0, 3] }), 4);
  assert.equal(replicas({ spec: { replicas: 1 }, pods: 5, voters: [0] }), 1);
});

test("without a leader's word the StatefulSet does not shrink", () => {
  assert.equal(replicas({ spec: { replicas: 1 }, pods: 5, leader: null }), 5);
  const nodes = { 0: "unreachable", 1: "unreachable", 2: "unreachable" } as const;
  assert.equal(replicas({ spec: { replicas: 1 }, pods: 3, nodes }), 3);
});

test("hibernation takes all pods, and the remembered members come back", () => {
  assert.equal(replicas({ spec: { replicas: 0 }, pods: 3 }), 0);
  const members = [{ name: "demo-4", nodeId: 9, role: "voter", health: "unknown" }] as const;
  const status = { clusterId: CLUSTER_ID, members };
  assert.equal(replicas({ spec: { replicas: 3 }, pods: 0, claims: 5, status }), 5);
});

test("a cluster made anew over claims starts every node that may hold its data", () => {
  const status = {};
  assert.equal(replicas({ spec: { replicas: 3 }, pods: 0, claims: 5, status, leader: null }), 5);
});

test("when pods are made anyway, everyone with a claim starts", () => {
  const scene = { spec: { replicas: 3 }, pods: 0, claims: 4 };
  assert.equal(replicas({ ...scene, statefulSet: { replicas: 0 } }), 4);
  assert.equal(replicas({ ...scene, statefulSet: { replicas: 3 } }), 3);
});
