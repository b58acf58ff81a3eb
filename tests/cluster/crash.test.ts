/** kill -9 of nodes under a load: no acknowledged write is lost, and the others go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEADLINE, onCluster } from "./cluster.test-kit.ts";
import { ReadLoad, WriteLoad } from "./load.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

/** "The survivors elect within two seconds" (issue 3). */
const ELECTION_MS_MAX = 2_000;
const ROUNDS = 2;
/** Writes wait for the election and are done then; a client's deadline must not matter. */
const FIRST_WRITE_MS_MAX = 1_000;

test(
  "kill -9 of each node in turn under load loses nothing",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses();
    for (const node of [...cluster.nodes]) {
      await node.kill();
      await load.progresses();
      node.start();
      await cluster.isReady(node);
      await load.progresses();
    }
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "after kill -9 of the leader the others elect within 2 s",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    const reads = new ReadLoad(
      load,
      cluster.nodes.map((node) => cluster.at(node)),
    );
    for (let round = 1; round <= ROUNDS; round += 1) {
      await cluster.areReady();
      await load.progresses();
      const leader = await cluster.leader();
      const others = cluster.others(leader);
      const killedAtMs = performance.now();
      await leader.kill();
      const heir = await cluster.leader(others, { everyMs: 5 });
      const electedMs = performance.now() - killedAtMs;
      await load.progresses(1);
      const gapMs = load.history.gapAfter(killedAtMs);
      t.diagnostic(
        `round ${round}: ${heir.name} leads ${electedMs.toFixed(0)} ms after the kill of ` +
          `${leader.name}, first write acknowledged after ${gapMs.toFixed(0)} ms`,
      );
      assert.ok(electedMs < ELECTION_MS_MAX, `elected after ${electedMs} ms`);
      assert.ok(gapMs < ELECTION_MS_MAX + FIRST_WRITE_MS_MAX, `no write for ${gapMs} ms`);
      leader.start();
    }
    await cluster.areReady();
    await reads.stop();
    t.diagnostic(`${reads.served} linearizable reads, ${reads.refused} refused`);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "kill -9 of all three at once loses nothing",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client(), { writers: 16 }).start();
    for (let round = 1; round <= ROUNDS; round += 1) {
      await load.progresses(100);
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      for (const node of cluster.nodes) node.start();
      await cluster.areReady();
    }
    await load.progresses();
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);
