import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrap } from "./bootstrap.ts";
import { CLUSTER_ID } from "./scene.test-kit.ts";
import { answer } from "./steps.test-kit.ts";

const blank = { 0: "blank", 1: "blank", 2: "blank" } as const;

test("a cluster of blank nodes is made at ordinal 0", () => {
  assert.deepEqual(answer(bootstrap, { status: {}, nodes: blank }), ["bootstrap demo-0"]);
});

test("one node that does not say that it is blank forbids the bootstrap, and is named", () => {
  for (const one of ["unreachable", "starting", "corrupt", "removed"] as const) {
    const said = answer(bootstrap, { status: {}, nodes: { ...blank, 1: one } });
    assert.match(String(said), /^wait Bootstrapping: waits: .*demo-1/, one);
  }
  const absent = answer(bootstrap, { status: {}, nodes: { ...blank, 2: "absent" } });
  assert.equal(absent, "wait Bootstrapping: waits: pod demo-2 does not exist yet");
});

test("a store that exists is never made again, whether recorded, found or remembered", () => {
  assert.equal(answer(bootstrap, { nodes: blank, status: { clusterId: CLUSTER_ID } }), null);
  assert.equal(answer(bootstrap, { nodes: { 0: "blank", 1: "blank" }, status: {} }), null);
  const members = [{ name: "demo-0", nodeId: 1, role: "voter", health: "unknown" }] as const;
  assert.match(String(answer(bootstrap, { nodes: blank, status: { members } })), /^blocked/);
});

test("a leftover claim of a higher ordinal delays the bootstrap until its node answers", () => {
  const said = answer(bootstrap, { status: {}, nodes: blank, claims: 5 });
  assert.match(String(said), /demo-3 does not exist yet; pod demo-4 does not exist yet/);
});

test("nodes of two clusters forbid the bootstrap", () => {
  const clusterIds = { 1: "b".repeat(32) };
  assert.equal(answer(bootstrap, { status: {}, nodes: { 2: "blank" }, clusterIds }), null);
});

test("a claim that is being deleted forbids the bootstrap", () => {
  for (const going of [{ isDeleting: true }, { isDoomed: true }]) {
    const said = answer(bootstrap, { status: {}, nodes: blank, claimChanges: { 1: going } });
    assert.match(String(said), /the claim of demo-1 is being deleted/);
  }
});
