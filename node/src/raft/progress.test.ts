import assert from "node:assert/strict";
import { test } from "node:test";
import { toNodeId } from "./index.ts";
import {
  acknowledge,
  becomeReplicate,
  becomeSnapshot,
  newProgress,
  type PeerProgress,
  refuse,
} from "./progress.ts";
import { defaultOptions } from "./test-cluster.test-kit.ts";
import { at } from "./test-entries.test-kit.ts";

const probing = (nextIndex: number): PeerProgress =>
  newProgress(toNodeId(2), at(nextIndex), defaultOptions);

test("a refusal while probing goes back to the hint, never below what is known to match", () => {
  const peer = probing(10);
  assert.ok(refuse(peer, at(9), at(4)));
  assert.equal(peer.nextIndex, 5);
  peer.matchIndex = at(3);
  assert.ok(refuse(peer, at(4), at(1)));
  assert.equal(peer.nextIndex, 4);
});

test("a hint beyond the refused index is not believed", () => {
  const peer = probing(10);
  assert.ok(refuse(peer, at(9), at(20)));
  assert.equal(peer.nextIndex, 9);
});

test("a late refusal of another append changes nothing", () => {
  const peer = probing(10);
  assert.ok(!refuse(peer, at(7), at(3)));
  assert.equal(peer.nextIndex, 10);
});

test("a refusal while replicating goes back to the match index, unless it is older", () => {
  const peer = probing(10);
  acknowledge(peer, at(5));
  becomeReplicate(peer);
  peer.nextIndex = at(20);
  assert.ok(!refuse(peer, at(5), at(1)));
  assert.equal(peer.state, "replicate");
  assert.ok(refuse(peer, at(12), at(1)));
  assert.equal(peer.state, "probe");
  assert.equal(peer.nextIndex, 6);
});

test("refusals do not end the snapshot state", () => {
  const peer = probing(10);
  becomeSnapshot(peer);
  assert.ok(!refuse(peer, at(9), at(3)));
  assert.equal(peer.state, "snapshot");
});

test("a late acknowledgement never lowers the match index", () => {
  const peer = probing(10);
  assert.ok(acknowledge(peer, at(12)));
  assert.ok(!acknowledge(peer, at(8)));
  assert.equal(peer.matchIndex, 12);
  assert.equal(peer.nextIndex, 13);
});
