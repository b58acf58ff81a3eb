import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, KVClusterStatus } from "../model/index.ts";
import { type Failure, toFailure } from "./failure.ts";
import { isSameJson } from "./same-json.ts";
import { tellFailures } from "./tell-failures.ts";

const condition = (type: Condition["type"], status: Condition["status"]): Condition => ({
  type,
  status,
  reason: "Planned",
  message: "As planned.",
  observedGeneration: 4,
  lastTransitionTime: "2026-01-01T00:00:00Z",
});
const failure = (code: string) =>
  toFailure("grow claim data-demo-0 to 2Gi", { code, message: "no" });
const told = { live: {}, generation: 4, now: Date.UTC(2026, 1, 2) };

test("without failures the status stays as planned", () => {
  const status = { ready: "3/3" };
  assert.equal(tellFailures(status, [], told), status);
});

test("what passes by itself is told with Progressing, and only while something progresses", () => {
  const busy = { conditions: [condition("Progressing", "True"), condition("Degraded", "False")] };
  const status = tellFailures(busy, [failure("CHANGE_REJECTED")], told);
  assert.match(status.conditions?.[0]?.message ?? "", /^As planned\. Could not grow claim/);
  assert.equal(status.conditions?.[1]?.status, "False");
  const calm: KVClusterStatus = { conditions: [condition("Progressing", "False")] };
  assert.deepEqual(tellFailures(calm, [failure("timeout")], told), calm);
});

test("what lasts makes the cluster Degraded, since now, and since then the next time", () => {
  const planned = { conditions: [condition("Degraded", "False")] };
  const once = tellFailures(planned, [failure("timeout"), failure("forbidden")], told);
  const [degraded] = once.conditions ?? [];
  assert.deepEqual(
    [degraded?.status, degraded?.reason, degraded?.lastTransitionTime],
    ["True", "ActionFailed", "2026-02-02T00:00:00Z"],
  );
  const later = { live: once, generation: 4, now: told.now + 60_000 };
  assert.deepEqual(tellFailures(planned, [failure("forbidden")], later), once);
});

test("an eviction that a budget refuses is no fault until it has lasted for five minutes", () => {
  const planned = {
    conditions: [condition("Progressing", "True"), condition("Degraded", "False")],
  };
  const refusal = (pod: string): readonly Failure[] => [
    toFailure(`evict pod ${pod}`, { code: "disruptionBudget", message: "no" }),
  ];
  const first = tellFailures(planned, refusal("demo-1"), told);
  assert.match(
    first.conditions?.[0]?.message ?? "",
    /Could not evict pod demo-1 \(disruptionBudget since 2026-02-02T00:00:00Z\)/,
  );
  assert.equal(first.conditions?.[1]?.status, "False");
  const after = (ms: number, pod: string): KVClusterStatus =>
    tellFailures(planned, refusal(pod), { ...told, live: first, now: told.now + ms });
  assert.deepEqual(after(299_000, "demo-1"), first, "no other words, so no write");
  assert.equal(after(301_000, "demo-2").conditions?.[1]?.status, "False", "another pod");
  const late = after(301_000, "demo-1");
  assert.deepEqual(
    [late.conditions?.[1]?.status, late.conditions?.[1]?.reason],
    ["True", "ActionFailed"],
  );
  const later = { ...told, live: late, now: told.now + 600_000 };
  const last = tellFailures(planned, refusal("demo-1"), later);
  assert.deepEqual(last, late, "it stays so, in the same words");
});

test("so is a leader that was asked to hand over and still leads", () => {
  const planned = {
    conditions: [condition("Progressing", "True"), condition("Degraded", "False")],
  };
  const stays = [toFailure("hand leadership to demo-1", { code: "LEADER_UNCHANGED", message: "" })];
  const first = tellFailures(planned, stays, told);
  assert.equal(first.conditions?.[1]?.status, "False");
  const late = tellFailures(planned, stays, { ...told, live: first, now: told.now + 301_000 });
  assert.equal(late.conditions?.[1]?.reason, "ActionFailed");
});

test("a cluster that is Degraded for a reason of its own keeps it", () => {
  const planned = { conditions: [condition("Degraded", "True")] };
  const [degraded] = tellFailures(planned, [failure("forbidden")], told).conditions ?? [];
  assert.equal(degraded?.reason, "Planned");
  assert.match(degraded?.message ?? "", /forbidden/);
});

test("a failure that lasts is told once, whatever was told before it", () => {
  const first = tellFailures({ conditions: [condition("Degraded", "True")] }, [failure("a")], told);
  const again = tellFailures(first, [failure("b")], told);
  const [{ message = "" } = {}] = again.conditions ?? [];
  assert.match(message, /^As planned\. Could not grow [^.]*\(b\): \S+ \S+$/);
  const made = tellFailures({}, [failure("a")], told);
  assert.deepEqual(tellFailures(made, [failure("a")], { ...told, live: made }), made);
});

test("messages are cut short", () => {
  const long = toFailure("x", Object.assign(new Error("y".repeat(5_000)), { code: "invalid" }));
  const [degraded] = tellFailures({}, [long], told).conditions ?? [];
  assert.ok((degraded?.message.length ?? 0) <= 400);
});

test("JSON is the same whatever the order of fields, and absent is undefined", () => {
  assert.ok(isSameJson({ a: 1, b: [{ c: 2 }], d: undefined }, { b: [{ c: 2 }], a: 1 }));
  for (const [a, b] of [
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, {}],
    [[1], [1, 2]],
    [[], {}],
    [null, {}],
    ["1", 1],
  ]) {
    assert.ok(!isSameJson(a, b), JSON.stringify([a, b]));
  }
});
