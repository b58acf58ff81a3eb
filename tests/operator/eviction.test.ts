/** A roll and a drain at once: one budget counts both, so that never two voters are away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import {
  Caches,
  createKubePort,
  EventRecorder,
  KubeConnection,
  systemClock,
  TokenIssuer,
} from "../../operator/src/kube/index.ts";
import type { KVClusterSpec } from "../../operator/src/model/index.ts";
import { makeCluster } from "../../operator/src/model/plan/plan.test-kit.ts";
import { Stage } from "./scenario.test-kit.ts";
import { SmallApiServer } from "./small-api-server.test-kit.ts";

test("over the wire: one eviction is let through, the next refused with the numbers", async (t) => {
  const server = new SmallApiServer();
  const config = new KubeConfig();
  const place = { name: "small", server: await server.listen(), skipTLSVerify: true };
  t.after(() => server.close());
  config.loadFromClusterAndUser(place, { name: "operator" });
  const parts = { clock: systemClock, random: Math.random };
  const connection = new KubeConnection({ config, ...parts });
  const onChange = (): void => undefined;
  const port = createKubePort({
    connection,
    caches: new Caches({ connection, ...parts, onChange, watchNamespaces: [] }),
    issuer: new TokenIssuer({ connection, ...parts, onChange }),
    events: new EventRecorder({ connection, ...parts, instance: "test" }),
  });
  const evict = (pod: string, uid: string): Promise<void> =>
    port.execute(makeCluster(), { type: "evictPod", pod, uid, why: "" });
  server.pods.set("demo-0", "u0").set("demo-1", "u1");
  server.evictionsLeft = 1;
  await evict("demo-1", "u1");
  assert.deepEqual([...server.pods.keys()], ["demo-0"]);
  await evict("demo-1", "u1");
  await assert.rejects(evict("demo-0", "u0"), {
    code: "disruptionBudget",
    message: /needs 2 healthy pods and has 2 currently/,
  });
  assert.equal(server.requests.length, 3, "none was repeated");
  server.evictionsLeft = 1;
  await assert.rejects(evict("demo-0", "another"), { code: "conflict" });
});

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
