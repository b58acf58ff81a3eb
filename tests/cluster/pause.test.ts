/** A leader that stands still and comes back: it must not answer from the past. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEADLINE, onCluster } from "./cluster.test-kit.ts";
import { ReadLoad, WriteLoad } from "./load.test-kit.ts";
import { eventually, pause } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

const PAUSED_MS = 5_000;

test(
  "a leader stopped for 5 s steps down and serves nothing stale",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client(), { timeoutMs: 1_000 }).start();
    await load.progresses();
    const leader = await cluster.leader();
    const others = cluster.others(leader);
    const { node: before } = await cluster.at(leader).cluster();
    const pausedAtMs = performance.now();
    leader.pause();
    const heir = await cluster.leader(others, { everyMs: 5 });
    const electedMs = performance.now() - pausedAtMs;
    await load.progresses();
    await cluster.at(heir).set("paused/written", "while the old leader stood still");
    const { node: elected } = await cluster.at(heir).cluster();
    await pause(Math.max(0, PAUSED_MS - (performance.now() - pausedAtMs)));

    // Sent before it runs again, so they are the first thing it sees.
    const reads = new ReadLoad(load, [cluster.at(leader)]);
    const first = cluster.at(leader).get("paused/written");
    leader.resume();
    const entry = await first;
    assert.equal(entry?.text(), "while the old leader stood still", "a stale linearizable read");
    const rejoined = await eventually("the old leader follows", async () => {
      const { node, leader: known } = await cluster.at(leader).cluster();
      return node.role === "follower" && known !== null && node.term > before.term ? node : null;
    });
    await load.progresses();
    await eventually("it serves reads again", () => reads.served > 20);
    await reads.stop();
    // It led with a write older than diskStallMs: it may hand over no leadership but its own.
    assert.equal(rejoined.term, elected.term, "the old leader's return cost the new one its lead");
    t.diagnostic(
      `${heir.name} led ${electedMs.toFixed(0)} ms after the stop; terms ${before.term} → ` +
        `${elected.term} → ${rejoined.term}; ${reads.served} reads of the old leader, none stale`,
    );
    assert.ok(electedMs < PAUSED_MS, `elected after ${electedMs} ms`);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "a leader without a majority acknowledges no write and no read",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client(), { timeoutMs: 1_000 }).start();
    await load.progresses();
    const leader = await cluster.leader();
    const others = cluster.others(leader);
    const client = cluster.at(leader);
    await client.set("alone/kept", "by a majority");
    for (const node of others) node.pause();
    // All sent before the leader can know that it is alone.
    const attempts = await Promise.allSettled([
      client.set("alone/doubtful", "by nobody", { timeoutMs: 3_000 }),
      client.get("alone/kept", { timeoutMs: 3_000 }),
      client.delete("alone/kept", { timeoutMs: 3_000 }),
    ]);
    assert.deepEqual(
      attempts.map(({ status }) => status),
      ["rejected", "rejected", "rejected"],
    );
    const stale = await client.get("alone/kept", { consistency: "stale" });
    assert.equal(stale?.text(), "by a majority", "a stale read needs nobody");
    const { role, ready } = await client.readiness();
    assert.notEqual(role, "leader", "it has stepped down");
    assert.equal(ready, false);
    await leader.kill();
    for (const node of others) node.resume();
    await cluster.leader(others);
    await load.progresses();
    leader.start();
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);
