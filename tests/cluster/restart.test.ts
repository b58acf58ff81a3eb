/** SIGTERM: leadership is handed over, what is in flight is finished, everything is found again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEADLINE, onCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import { hashesAgree, verify } from "./verify.test-kit.ts";

/** Without a hand-over nobody would lead before an election timeout (1 to 2 s) has passed. */
const ELECTION_TIMEOUT_MS = 1_000;
const STOPPED_IN_ORDER = { code: 0, signal: null };

test(
  "SIGTERM of the leader hands over without an election timeout",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses();
    const leader = await cluster.leader();
    const { node: before } = await cluster.at(leader).cluster();
    const unknownBefore = load.history.unknown;
    const fromMs = performance.now();
    const ending = leader.terminate();
    const heir = await cluster.leader(cluster.others(leader), { everyMs: 5 });
    const handedOverMs = performance.now() - fromMs;
    assert.deepEqual(await ending, STOPPED_IN_ORDER);
    await load.progresses();
    const gapMs = load.history.longestGapMs(fromMs, performance.now());
    const unknown = load.history.unknown - unknownBefore;
    t.diagnostic(
      `${heir.name} leads ${handedOverMs.toFixed(0)} ms after SIGTERM of ${leader.name}; longest ` +
        `gap between acknowledgements ${gapMs.toFixed(0)} ms; ${unknown} outcomes unknown`,
    );
    const { node: after } = await cluster.at(heir).cluster();
    assert.equal(after.term, before.term + 1, "one election, asked for by the old leader");
    assert.ok(handedOverMs < ELECTION_TIMEOUT_MS, `handed over after ${handedOverMs} ms`);
    leader.start();
    await cluster.isReady(leader);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "all nodes stopped in order find data and revision again",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const first = new WriteLoad(cluster.client()).start();
    await first.progresses(200);
    const before = await first.stop();
    const hashBefore = await hashesAgree(cluster);
    const client = cluster.client();
    const { clusterId } = await client.cluster();
    for (const node of cluster.nodes) {
      assert.deepEqual(await node.terminate(), STOPPED_IN_ORDER, node.logTail());
    }
    const startedMs = performance.now();
    for (const node of cluster.nodes) node.start();
    await cluster.areReady();
    const readyMs = performance.now() - startedMs;
    t.diagnostic(`ready again ${readyMs.toFixed(0)} ms after the start of all`);
    const { hash, revision, keys } = await hashesAgree(cluster);
    assert.deepEqual(
      { hash, revision, keys },
      {
        hash: hashBefore.hash,
        revision: hashBefore.revision,
        keys: hashBefore.keys,
      },
    );
    assert.equal((await client.cluster()).clusterId, clusterId);
    const { revision: next } = await client.set("after/restart", "x");
    assert.equal(next, hashBefore.revision + 1, "revisions go on where they ended");
    t.diagnostic(await verify(cluster, [before]));
  }),
);
