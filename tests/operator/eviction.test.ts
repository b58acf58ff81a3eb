/** A roll and a drain at once: one budget counts both, so that never two voters are away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KVClusterSpec } from "../../operator/src/model/index.ts";
import { Stage } from "./scenario.test-kit.ts";

const conditionOf = (stage: Stage, type: string): { status: string; message: string } => {
  const found = stage.server.cluster?.status?.conditions?.find((one) => one.type === type);
  return found ?? assert.fail(`no condition ${type}`);
};

async function installed(spec: Partial<KVClusterSpec> = {}): Promise<Stage> {
  const stage = new Stage();
  stage.server.create(spec);
  await stage.settle("install");
  return stage;
}

const awayFrom = ({ server }: Stage): number =>
  server.world.store.voters().length -
  server.view().pods.filter(({ isReady, deletingUntil }) => isReady && deletingUntil === null)
    .length;

test("a drain in the moment of a restart has the restart refused, which comes later", async () => {
  const stage = await installed();
  const { server } = stage;
  server.beforeEviction = () => {
    server.beforeEviction = null;
    server.evict("demo-0");
  };
  server.edit({ image: "kv:2" });
  let mostAway = 0;
  let refusal = "";
  for (let passes = 0; passes < 60 && refusal === ""; passes += 1) {
    const result = await stage.pass();
    assert.ok(result !== "killed" && result.type === "reconciled");
    mostAway = Math.max(mostAway, awayFrom(stage));
    refusal = result.failures.find(({ code }) => code === "disruptionBudget")?.message ?? "";
  }
  assert.match(conditionOf(stage, "Progressing").message, /Could not evict pod demo-\d \(/);
  assert.equal(conditionOf(stage, "Degraded").status, "False");
  assert.equal(mostAway, 1, "the drained one");
  await stage.settle("the roll");
  assert.deepEqual(
    server.view().pods.map(({ image }) => image),
    ["kv:2", "kv:2", "kv:2"],
  );
  const evictions = stage.writes.filter((write) => write.startsWith("evictPod"));
  assert.ok(evictions.length >= 3, evictions.join());
});

for (const replicas of [1, 2, 3, 5]) {
  test(`the budget of a cluster of ${replicas} lets it be rolled by evictions`, async () => {
    const stage = await installed({ replicas });
    const before = stage.writes.length;
    stage.server.edit({ image: "kv:2" });
    await stage.settle("the roll");
    const writes = stage.writes.slice(before);
    assert.deepEqual(
      writes.filter((write) => write.startsWith("deletePod")),
      [],
    );
    assert.equal(writes.filter((write) => write.startsWith("evictPod")).length, replicas);
    assert.ok(stage.server.view().pods.every(({ image }) => image === "kv:2"));
  });
}
