/** A real Prometheus under prometheus-operator finds, scrapes and watches a KVCluster. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isLab } from "./lab.test-kit.ts";
import { bringPrometheus } from "./prometheus.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

let store: Store;
const stage = setStage("monitoring", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create({
      monitoring: {
        serviceMonitor: { enabled: true, interval: "5s" },
        prometheusRule: { enabled: true },
      },
    });
    await store.settles();
  },
});

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const prometheus = { namespace: "monitoring", name: "prometheus-lab-0", port: 9_090 };

async function query(expression: string): Promise<readonly Series[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(expression)}`;
  return JSON.parse(await stage().kube.fromPod(prometheus, path)).data.result;
}

const ofStore = (): string => `namespace="${store.namespace}"`;

test("its monitors are made when their definitions appear, and are scraped", {
  timeout: 420_000,
}, async (t) => {
  if (isLab()) await bringPrometheus(stage().kube);
  const startedMs = performance.now();
  const series = await becomes(
    "Prometheus has series of every pod",
    async () => {
      const found = await query(`kvcluster_ready{${ofStore()}}`);
      const pods = found.map(({ metric }) => metric["pod"] ?? "none").sort();
      return pods.join() === "kv-0,kv-1,kv-2" ? found : new NotYet(`pods: ${pods.join(", ")}`);
    },
    { withinMs: 240_000, everyMs: 2_000 },
  );
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  stage().measure(t, { "first scrape after s": seconds });
  for (const { metric, value } of series) assert.equal(value[1], "1", metric["pod"] ?? "no pod");
  // Pods are scraped one after the other: during an election two may say so, or none.
  await becomes(
    "one pod says that it leads",
    async () => {
      const [leaders] = await query(`sum(kvcluster_is_leader{${ofStore()}})`);
      return leaders?.value[1] === "1" || new NotYet(`${leaders?.value[1]} say so`);
    },
    { withinMs: 60_000, everyMs: 2_000 },
  );
});

interface RuleGroup {
  readonly rules: readonly {
    readonly type: string;
    readonly name: string;
    readonly health: string;
    readonly state?: string;
    readonly lastError?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
  readonly file: string;
}

test("the alerts are loaded, evaluate, and are quiet", { timeout: 180_000 }, async (t) => {
  const rules = await becomes(
    "the alerts were evaluated",
    async () => {
      const body = await stage().kube.fromPod(prometheus, "/api/v1/rules?type=alert");
      const groups: readonly RuleGroup[] = JSON.parse(body).data.groups;
      const ours = groups
        .filter(({ file }) => file.includes(store.namespace))
        .flatMap((group) => group.rules);
      const states = ours.map(({ name, health, lastError }) => `${name} ${health} ${lastError}`);
      const areWell = ours.length > 0 && ours.every(({ health }) => health === "ok");
      return areWell ? ours : new NotYet(states.join("\n") || "none of ours");
    },
    { withinMs: 150_000, everyMs: 2_000 },
  );
  stage().measure(t, { alerts: rules.length });
  for (const { name, state, labels = {}, annotations = {} } of rules) {
    assert.notEqual(state, "firing", name);
    assert.ok(labels["severity"], `${name} has no severity`);
    assert.ok(annotations["summary"], `${name} has no summary`);
    assert.ok(annotations["runbook_url"], `${name} has no runbook`);
  }
});
