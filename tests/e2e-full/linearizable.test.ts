/**
 * The operator under the eye of the linearizability checker: one history of concurrent clients
 * while the store is scaled, rolled, drained, and loses machines.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HistoryLoad, historyAuth } from "../e2e/kubernetes/history.test-kit.ts";
import { inflict, isLab, undo } from "../e2e/kubernetes/lab.test-kit.ts";
import { setStage } from "../e2e/kubernetes/stage.test-kit.ts";
import type { Store } from "../e2e/kubernetes/store.test-kit.ts";
import { timed } from "../e2e/kubernetes/waiting.test-kit.ts";

let store: Store;
const stage = setStage("linearizable", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create({ auth: historyAuth });
    await store.settles();
  },
});

const SEED = 1;
/** Less than that proves nothing. */
const WRITES_MIN = 3_000;
const READS_MIN = 3_000;
/** Longer than an election takes, by far. */
const WRITES_WITHOUT_A_NODE = 500;

async function scale(replicas: number): Promise<void> {
  await store.scale(replicas);
  await store.settles();
}

async function roll(): Promise<void> {
  const before = await store.uids();
  await store.change({ podTemplate: { annotations: { "e2e/restarted": "once" } } });
  await store.areMadeAnew(before);
  await store.settles();
}

async function deleteLeader(): Promise<void> {
  const leader = await store.leader();
  const { uid } = (await store.pod(leader.pod)).metadata;
  const force = ["--grace-period=0", "--force", "--wait=false"];
  await stage().kube.kubectl(["-n", store.namespace, "delete", "pod", leader.pod, ...force]);
  await store.isMadeAnew(leader.pod, uid);
  await store.settles();
}

async function drain(node: string): Promise<void> {
  try {
    await store.drain(node);
  } finally {
    await stage().kube.kubectl(["uncordon", node]);
  }
  await store.settles();
}

async function lose(fault: "kill" | "cut", node: string, load: HistoryLoad): Promise<void> {
  await store.isSpread();
  await inflict(fault, node);
  await load.progresses(WRITES_WITHOUT_A_NODE);
  await undo(node);
  await store.settles(240_000);
}

test("one history while scaled, rolled, drained, and with nodes lost: 0 violations", {
  timeout: 1_200_000,
}, async (t) => {
  assert.ok(isLab(), "only the lab can lose machines");
  const nodes = (await store.pods()).map(({ spec }) => spec.nodeName ?? assert.fail());
  // The clients' own machine is spared; the leader may be on any.
  const spared = nodes[0] ?? assert.fail();
  const victims = [...new Set(nodes)].filter((node) => node !== spared);
  const load = await HistoryLoad.start(store, {
    image: stage().images.node,
    seed: SEED,
    pods: ["kv-0", "kv-1", "kv-2"],
    awayFrom: victims,
  });
  const [first = assert.fail(), second = first] = victims;
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ["scaled to 5 s", () => scale(5)],
    ["leader's pod deleted s", deleteLeader],
    ["scaled to 3 s", () => scale(3)],
    ["rolled s", roll],
    ["drained s", () => drain(first)],
    ["node without power s", () => lose("kill", second, load)],
    ["node cut off s", () => lose("cut", first, load)],
  ];
  const figures: Record<string, number> = {};
  for (const [what, act] of steps) figures[what] = (await timed(act)).seconds;
  await load.progresses();
  const { violationCount, violations: _, ...counts } = await load.verify();
  stage().measure(t, { ...figures, ...counts, violations: violationCount });
  assert.ok(counts.writes >= WRITES_MIN, `${counts.writes} writes`);
  assert.ok(counts.answered - counts.writes >= READS_MIN, `${counts.answered} answers`);
});
