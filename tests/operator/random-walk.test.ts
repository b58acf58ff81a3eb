/** Users who change their minds: whatever specs came before, the end is that of the last one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KVClusterSpec } from "../../operator/src/model/index.ts";
import { makeSpec } from "../../operator/src/model/plan/plan.test-kit.ts";
import { createRandom, type Random } from "../../operator/src/model/plan/world-random.test-kit.ts";
import type { Kill } from "./operator-process.test-kit.ts";
import { endState, run, Stage } from "./scenario.test-kit.ts";

const WALKS = 30;
const EDITS = 6;

const enabled = (random: Random): { enabled: boolean; labels: Record<string, string> } => ({
  enabled: random.chance(0.5),
  labels: {},
});

/** Any legal spec of this cluster; the image stands in it, because a cluster keeps the last one. */
function randomSpec(random: Random): KVClusterSpec {
  const whenDeleted = random.pick(["Retain", "Delete"] as const);
  return makeSpec({
    replicas: random.below(6),
    image: `kv:${1 + random.below(3)}`,
    storage: { size: "1Gi", retention: { whenDeleted, whenScaled: "Delete" } },
    resources: random.chance(0.5) ? {} : { limits: { memory: `${256 + random.below(4)}Mi` } },
    logLevel: random.pick(["info", "debug"] as const),
    service: {
      type: random.pick(["ClusterIP", "NodePort"] as const),
      annotations: random.chance(0.5) ? { team: "shop" } : {},
      labels: {},
    },
    networkPolicy: { enabled: random.chance(0.5), clients: [] },
    monitoring: {
      serviceMonitor: { ...enabled(random), interval: "30s" },
      prometheusRule: enabled(random),
      dashboard: enabled(random),
    },
    updatePolicy: { pause: random.chance(0.2) },
    paused: random.chance(0.1),
  });
}

const lastSpec = (random: Random): KVClusterSpec => ({
  ...randomSpec(random),
  replicas: 1 + random.below(5),
  updatePolicy: { pause: false },
  paused: false,
});

const randomKill = (random: Random): Kill | null =>
  random.chance(0.15)
    ? { write: random.below(4), moment: random.pick(["before", "middle", "after"] as const) }
    : null;

test("after any walk the cluster is that of a fresh install of the last spec", async () => {
  for (let seed = 1; seed <= WALKS; seed += 1) {
    const random = createRandom(seed);
    const stage = new Stage({ lateBy: random.below(6), seed });
    stage.server.create(randomSpec(random));
    for (let edit = 0; edit < EDITS; edit += 1) {
      const passes = random.below(12);
      for (let pass = 0; pass < passes; pass += 1) await stage.pass(randomKill(random));
      stage.server.edit(randomSpec(random));
    }
    const spec = lastSpec(random);
    stage.server.edit(spec);
    await stage.settle(`walk ${seed}`);
    const fresh = await run([(server) => server.create(spec)]);
    assert.deepEqual(endState(stage.server), endState(fresh.server), `walk ${seed}`);
  }
});
