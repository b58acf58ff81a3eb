/** Caches that are late, and lose events until the next list: the end is the same, and no rule is
 * broken on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { endState, run, Stage } from "./scenario.test-kit.ts";
import { scenarios } from "./scenarios.test-kit.ts";

const SEEDS = 4;
/** Looks that a cache may be behind: minutes, where a relist comes after ten. */
const LATE_BY = 8;

for (const [name, steps] of Object.entries(scenarios)) {
  test(`${name}: late caches change nothing but the time it takes`, async () => {
    const wanted = endState((await run(steps)).server);
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { server } = await run(steps, { lateBy: LATE_BY, seed });
      assert.deepEqual(endState(server), wanted, `seed ${seed}`);
    }
  });
}

test("a settled cluster causes no write at all", async () => {
  const stage = new Stage();
  stage.server.create();
  await stage.settle("install");
  const before = stage.writes.length;
  for (let pass = 0; pass < 60; pass += 1) await stage.pass();
  assert.deepEqual(stage.writes.slice(before), []);
});

test("a store is never made twice, though the cache does not show that it was made", async () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const stage = new Stage({ lateBy: LATE_BY, seed });
    const { server } = stage;
    server.create();
    while (server.cluster?.status?.clusterId === undefined) await stage.pass();
    // All volumes are lost at the worst moment: every node is blank again.
    for (const claim of server.world.kubernetes.claims) claim.disk = null;
    for (let pass = 0; pass < 30; pass += 1) await stage.pass();
    const { conditions = [], clusterId } = server.cluster.status ?? {};
    const degraded = conditions.find(({ type }) => type === "Degraded");
    assert.deepEqual([degraded?.status, degraded?.reason], ["True", "DataLost"], `seed ${seed}`);
    assert.equal(clusterId, server.world.store.clusterId);
  }
});
