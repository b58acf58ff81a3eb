import assert from "node:assert/strict";
import { test } from "node:test";
import type { Observed } from "../observed.ts";
import { observe } from "./scene.test-kit.ts";
import { storeViewsOf } from "./store-views.ts";

/** The node's term, and what it believes to be. */
function believing(
  observed: Observed,
  { pod, term, isLeader }: { pod: string; term: number; isLeader: boolean },
): Observed {
  const nodes = observed.nodes.map((node) => {
    if (node.type !== "answered" || node.status === null || node.pod !== pod) return node;
    const role: "leader" | "follower" = isLeader ? "leader" : "follower";
    return { ...node, status: { ...node.status, node: { ...node.status.node, term, role } } };
  });
  return { ...observed, nodes };
}

test("the leader's own answer counts", () => {
  assert.equal(storeViewsOf(observe({ leader: 1 })).leaderView?.node.name, "demo-1");
  assert.equal(storeViewsOf(observe({ leader: null })).leaderView, null);
});

test("a leader of an older term is not believed, neither with nor without its successor", () => {
  const deposed = believing(observe({ leader: 0 }), { pod: "demo-1", term: 4, isLeader: false });
  assert.equal(storeViewsOf(deposed).leaderView, null);
  const both = believing(observe({ leader: 0 }), { pod: "demo-1", term: 4, isLeader: true });
  assert.equal(storeViewsOf(both).leaderView?.node.name, "demo-1");
});

test("answers of another cluster's nodes do not count", () => {
  const observed = observe({ leader: 0, clusterIds: { 0: "b".repeat(32) } });
  assert.equal(storeViewsOf(observed).leaderView, null);
});

test("an id is not adopted from data that go with a cluster that was deleted", () => {
  for (const going of [{ isDeleting: true }, { isDoomed: true }]) {
    const claimChanges = { 0: going, 1: going, 2: going };
    assert.equal(storeViewsOf(observe({ status: {}, claimChanges })).clusterId, null);
    const one = storeViewsOf(observe({ status: {}, claimChanges: { 1: going } }));
    assert.equal(one.clusterId, "a".repeat(32));
    assert.equal(storeViewsOf(observe({ claimChanges })).leaderView?.node.name, "demo-0");
  }
});

test("an id that is not recorded is adopted when all nodes tell the same one", () => {
  assert.equal(storeViewsOf(observe({ status: {} })).clusterId, "a".repeat(32));
  const two = storeViewsOf(observe({ status: {}, clusterIds: { 0: "b".repeat(32) } }));
  assert.equal(two.clusterId, null);
  assert.equal(two.conflict.length, 2);
});
