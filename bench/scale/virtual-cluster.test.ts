/**
 * What the shipped code owes to its messages alone: a put at the leader waits for one round trip, a
 * put at a follower for two, one sync on every node, and no leader is lost for nothing.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureElections, measureLoad } from "./measures.ts";
import type { Model } from "./model.ts";
import { DEFAULT_TIMEOUTS, optionsWith } from "./timeouts.ts";

const far: Model = {
  nodes: 3,
  roundTripUs: 30_000,
  options: optionsWith(DEFAULT_TIMEOUTS),
  seed: 1,
};
const lone = { inFlight: 1, puts: 30, warmUpPuts: 5 } as const;

test("a lone put takes one round trip at the leader and two at a follower", async () => {
  const leader = await measureLoad({ ...far, ...lone, entrance: "leader" });
  assert.ok(leader.latency.p50 > 30 && leader.latency.p50 < 34, `${leader.latency.p50} ms`);
  const follower = await measureLoad({ ...far, ...lone, entrance: "follower" });
  assert.ok(follower.latency.p50 > 60 && follower.latency.p50 < 66, `${follower.latency.p50} ms`);
  assert.equal(leader.syncsPerPut, 3);
});

test("puts at once do not wait for each other's round trips", async () => {
  const load = { entrance: "any", inFlight: 256, puts: 1024, warmUpPuts: 256 } as const;
  const one = await measureLoad({ ...far, ...load });
  assert.ok(one.latency.p99 < 75, `p99 ${one.latency.p99} ms`);
});

test("puts at once share messages and syncs where they come faster than a sync ends", async () => {
  const near = { ...far, roundTripUs: 100 };
  const load = { entrance: "leader", inFlight: 64, puts: 1280, warmUpPuts: 64 } as const;
  const one = await measureLoad({ ...near, ...load });
  assert.ok(one.syncsPerPut < 0.3, `${one.syncsPerPut} syncs a put`);
  assert.ok(one.messagesPerPut < 0.5, `${one.messagesPerPut} messages a put`);
});

test("a leader that ends is replaced within twice the timeout and some round trips", async () => {
  const { ended, silent, needless } = await measureElections(far, 3);
  for (const { p50 } of [ended, silent]) assert.ok(p50 > 300 && p50 < 2000, `${p50} ms`);
  assert.equal(needless, 0);
});

test("the same seed gives the same figures", async () => {
  const load = { ...far, ...lone, entrance: "any" } as const;
  assert.deepEqual(await measureLoad(load), await measureLoad(load));
});
