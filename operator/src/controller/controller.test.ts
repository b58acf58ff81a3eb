import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterKey, ReconcileResult } from "../reconcile/index.ts";
import { Controller, type Log } from "./controller.ts";
import { ManualClock } from "./manual-clock.test-kit.ts";
import { OperatorMetrics } from "./metrics.ts";
import { WorkQueue } from "./work-queue.ts";

const key: ClusterKey = { namespace: "shop", name: "store" };
const cluster = {} as Extract<ReconcileResult, { type: "reconciled" }>["cluster"];
const fine: ReconcileResult = {
  type: "reconciled",
  cluster,
  status: {
    conditions: [
      {
        type: "Available",
        status: "True",
        reason: "QuorumHealthy",
        message: "",
        observedGeneration: 1,
        lastTransitionTime: "",
      },
    ],
  },
  done: ["apply Service store"],
  failures: [],
  requeueAfterMs: 30_000,
};
const failure = { attempted: "apply Service store", code: "forbidden", message: "no", cause: null };

/** A controller whose passes a test answers, and what it logged. */
function start(answer: (key: ClusterKey) => Promise<ReconcileResult>, workers = 2) {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock, random: () => 1 });
  const lines: string[] = [];
  const line = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = {
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    debug: line("debug"),
  };
  const passes: string[] = [];
  const reconcile = (asked: ClusterKey): Promise<ReconcileResult> => {
    passes.push(asked.name);
    return answer(asked);
  };
  const metrics = new OperatorMetrics("1.2.3", { queue: () => queue, watches: () => [] });
  const parts = { reconcile, queue, clock, metrics, log, workers, resyncMs: 10_000 };
  const controller = new Controller(parts);
  const stop = new AbortController();
  const ended = controller.run(stop.signal);
  return { clock, queue, lines, passes, metrics, controller, stop, ended };
}

/** Until every promise that can settle has. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a cluster is looked at when it changes and again after the resync time", async () => {
  const { controller, passes, clock, stop, ended } = start(async () => fine);
  controller.add(key);
  await settle();
  assert.equal(passes.length, 1);
  clock.advance(9_999);
  await settle();
  assert.equal(passes.length, 1);
  clock.advance(1);
  await settle();
  assert.equal(passes.length, 2);
  stop.abort();
  await ended;
});

test("a plan may ask for an earlier look, and a cluster that is gone gets none", async () => {
  const results: ReconcileResult[] = [{ ...fine, requeueAfterMs: 1_000 }, { type: "gone" }];
  const { controller, passes, clock, metrics, stop, ended } = start(
    async () => results.shift() ?? assert.fail("one pass too many"),
  );
  controller.add(key);
  await settle();
  assert.match(await metrics.render(), /cluster_condition\{.*condition="Available"\} 1/);
  clock.advance(1_000);
  await settle();
  assert.equal(passes.length, 2);
  clock.advance(100_000);
  await settle();
  assert.equal(passes.length, 2);
  assert.doesNotMatch(await metrics.render(), /cluster="store"/);
  stop.abort();
  await ended;
});

test("that a cluster is gone is told once, though each child asks for a pass", async () => {
  const results: ReconcileResult[] = [fine, { type: "gone" }, { type: "gone" }];
  const { controller, passes, lines, stop, ended } = start(
    async () => results.shift() ?? assert.fail("one pass too many"),
  );
  for (let n = 0; n < 3; n += 1) {
    controller.add(key);
    await settle();
  }
  assert.equal(passes.length, 3);
  assert.equal(lines.filter((line) => line.includes("is gone")).length, 1);
  stop.abort();
  await ended;
});

test("failures come back with backoff, no later than the resync, and are told", async () => {
  const { controller, passes, clock, lines, metrics, stop, ended } = start(async () => ({
    ...fine,
    failures: [failure],
  }));
  controller.add(key);
  await settle();
  for (const ms of [5, 10, 20]) {
    clock.advance(ms);
    await settle();
  }
  assert.equal(passes.length, 4);
  for (let second = 0; second < 60; second += 1) {
    clock.advance(1_000);
    await settle();
  }
  // Five times within a second of each other, after 1.3 s, 2.6 s, 5.1 s, then every 10 s.
  assert.equal(passes.length, 4 + 5 + 3 + 4);
  assert.match(lines.join("\n"), /warn could not apply Service store .*"code":"forbidden"/);
  const page = await metrics.render();
  assert.match(page, /reconciles_total\{result="failed"\}/);
  assert.match(page, /failures_total\{code="forbidden"\}/);
  assert.match(page, /last_success_timestamp_seconds\{.*cluster="store"\} 0/);
  stop.abort();
  await ended;
});

test("what others have to end first comes back after the time that the pass says", async () => {
  const { controller, passes, clock, stop, ended } = start(async () => ({
    ...fine,
    failures: [failure],
    retryAfterMs: 5_000,
  }));
  controller.add(key);
  await settle();
  for (let second = 0; second < 15; second += 1) {
    clock.advance(1_000);
    await settle();
  }
  assert.equal(passes.length, 1 + 3);
  stop.abort();
  await ended;
});

test("a pass that throws is logged, counted and tried again", async () => {
  const { controller, passes, clock, lines, metrics, stop, ended } = start(async () => {
    throw new Error("defect");
  });
  controller.add(key);
  await settle();
  clock.advance(5);
  await settle();
  assert.equal(passes.length, 2);
  assert.match(lines.join("\n"), /error the pass could not be made/);
  assert.match(await metrics.render(), /reconciles_total\{result="error"\} 2/);
  stop.abort();
  await ended;
});

test("one cluster is never with two workers, and two clusters do not wait for one", async () => {
  const held: (() => void)[] = [];
  const { controller, passes, stop, ended } = start(
    () => new Promise((resolve) => held.push(() => resolve(fine))),
  );
  controller.add(key);
  controller.add({ ...key, name: "other" });
  await settle();
  controller.add(key);
  await settle();
  assert.deepEqual(passes, ["store", "other"]);
  held.shift()?.();
  await settle();
  assert.deepEqual(passes, ["store", "other", "store"]);
  stop.abort();
  for (const release of held) release();
  await ended;
});

test("stopping lets a pass end and starts no other", async () => {
  const held: (() => void)[] = [];
  const { controller, passes, clock, stop, ended } = start(
    () => new Promise((resolve) => held.push(() => resolve(fine))),
    1,
  );
  controller.add(key);
  controller.add({ ...key, name: "other" });
  await settle();
  stop.abort();
  let hasEnded = false;
  const watched = ended.then(() => {
    hasEnded = true;
  });
  await settle();
  assert.equal(hasEnded, false);
  held.shift()?.();
  await watched;
  assert.deepEqual(passes, ["store"]);
  assert.equal(clock.timers, 0);
});
