import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action, NodeView, ObservedStatefulSet, Plan } from "../model/index.ts";
import { makeCluster } from "../model/plan/plan.test-kit.ts";
import {
  addMember,
  always,
  apply,
  codeError,
  deleteClaim,
  deletePod,
  evictPod,
  key,
  type Planned,
  Ports,
  partsOf,
  podAt,
  run,
} from "./reconcile.test-kit.ts";
import { reconcile } from "./reconcile.ts";

test("objects are repaired before the store is asked, also when the store is silent", async () => {
  const ports = new Ports();
  const silent = Promise.withResolvers<readonly NodeView[]>();
  ports.survey = () => {
    ports.calls.push("survey");
    return silent.promise;
  };
  const pass = run(ports, always(apply("Service"), apply("ConfigMap")));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(ports.calls, [
    "look cached",
    "apply Service",
    "apply ConfigMap",
    "secret",
    "survey",
  ]);
  silent.resolve([]);
  const { done, failures } = await pass;
  assert.deepEqual([done.length, failures.length], [2, 0], "nothing is done twice");
});

test("a settled cluster causes neither a write nor a fresh read", async () => {
  const ports = new Ports();
  const result = await run(ports, always());
  assert.deepEqual(ports.calls, ["look cached", "secret", "survey"]);
  assert.equal(result.requeueAfterMs, 30_000);
});

test("what cannot be taken back is planned again on a fresh read", async () => {
  const ports = new Ports();
  const seen: string[] = [];
  const result = await run(ports, ({ pods, nodes }) => {
    seen.push(`${pods[0]?.ip} ${nodes.length}`);
    return { actions: nodes.length === 0 ? [] : [deletePod] };
  });
  assert.deepEqual(seen, ["1.1.1.1 0", "1.1.1.1 1", "1.1.1.1 1"]);
  assert.deepEqual(ports.calls.slice(3), ["read cluster", "look fresh", "deletePod"]);
  assert.ok(result.requeueAfterMs <= 1_000, "its outcome is looked at soon");
});

test("the answer of a pod counts for that pod only, not for its successor", async () => {
  const ports = new Ports();
  ports.freshPods = [podAt("2.2.2.2")];
  const seen: number[] = [];
  await run(ports, ({ nodes }) => {
    seen.push(nodes.length);
    return { actions: [addMember] };
  });
  assert.deepEqual(seen, [0, 1, 0]);
});

test("the StatefulSet waits for the fresh read: caches may not know of a member", async () => {
  for (const replicas of [2, 4]) {
    const ports = new Ports();
    ports.statefulSet = { replicas: 3 } as ObservedStatefulSet;
    await run(ports, always(apply("StatefulSet", "apps/v1", { replicas })));
    const at = ports.calls.indexOf("apply StatefulSet");
    assert.equal(ports.calls[at - 1], "look fresh");
  }
});

test("a pod template that the API server never takes leaves the store looked after", async () => {
  const ports = new Ports();
  ports.failing.set("apply StatefulSet", codeError("invalid"));
  const { failures } = await run(ports, always(apply("StatefulSet", "apps/v1"), addMember));
  assert.ok(ports.calls.includes("store addMember"));
  assert.deepEqual(
    failures.map(({ code }) => code),
    ["invalid"],
  );
});

test("after a failure nothing more is changed, and the status tells of it", async () => {
  const ports = new Ports();
  ports.failing.set("apply Service", codeError("forbidden", "not allowed"));
  const actions = [apply("Service"), apply("ConfigMap"), addMember];
  const { failures } = await run(ports, always(...actions));
  assert.deepEqual(ports.calls, ["look cached", "apply Service", "secret", "survey", "status"]);
  assert.deepEqual(
    failures.map(({ attempted, code }) => [attempted, code]),
    [["apply Service demo", "forbidden"]],
  );
  const degraded = ports.statuses[0]?.conditions?.find(({ type }) => type === "Degraded");
  assert.equal(degraded?.reason, "ActionFailed");
  assert.match(degraded?.message ?? "", /apply Service demo \(forbidden\): not allowed/);
});

test("an eviction that a budget refuses restarts nothing, and the Event says so", async () => {
  const ports = new Ports();
  ports.failing.set("evictPod", codeError("disruptionBudget", "needs 2 healthy pods and has 2"));
  const restarting = { type: "Normal", reason: "RestartingPod", note: "restarts demo-1" } as const;
  const planned = { actions: [evictPod], events: [restarting] };
  const refused = await run(ports, () => planned);
  assert.deepEqual(ports.events, [
    {
      type: "Normal",
      reason: "EvictionRefused",
      note: "Could not evict pod demo-1: needs 2 healthy pods and has 2",
    },
  ]);
  assert.equal(refused.retryAfterMs, 5_000, "not with backoff from milliseconds");
  const ok = new Ports();
  const done = await run(ok, () => planned);
  assert.deepEqual([ok.events, done.retryAfterMs], [[restarting], undefined]);
  assert.ok(done.requeueAfterMs <= 1_000);
  const other = new Ports();
  other.failing.set("evictPod", codeError("unavailable"));
  assert.equal((await run(other, () => planned)).retryAfterMs, undefined);
});

test("what the cluster can do without holds nothing up", async () => {
  const ports = new Ports();
  ports.failing.set("apply ServiceMonitor", codeError("invalid"));
  ports.failing.set("resizeClaim", codeError("forbidden"));
  const { failures } = await run(
    ports,
    always(
      apply("ServiceMonitor", "monitoring.coreos.com/v1"),
      { type: "resizeClaim", claim: "data-demo-0", size: "2Gi" },
      apply("Service"),
      addMember,
    ),
  );
  assert.ok(ports.calls.includes("apply Service"));
  assert.ok(ports.calls.includes("store addMember"));
  assert.equal(failures.length, 2, "each is tried once in a pass");
});

test("a store that cannot be asked changes nothing but is told", async () => {
  const ports = new Ports();
  ports.failing.set("secret", codeError("timeout"));
  const { failures, done } = await run(ports, always(apply("Service"), addMember));
  assert.deepEqual(done, ["apply Service demo"]);
  assert.deepEqual(
    failures.map(({ code }) => code),
    ["timeout"],
  );
});

test("a store that cannot be asked is not said to be away: what was told stands", async () => {
  const ports = new Ports();
  const told = { ready: "3/3", observedGeneration: 1, conditions: [] };
  ports.cached = makeCluster({}, told);
  ports.fresh = ports.cached;
  ports.failing.set("survey", codeError("timeout"));
  const story = [{ type: "Warning", reason: "QuorumLost", note: "" }] as const;
  const blind = { actions: [], story, events: story, status: { ready: "0/3" } };
  const { failures } = await run(ports, () => blind);
  assert.equal(failures[0]?.attempted, "ask the nodes");
  assert.deepEqual([ports.statuses, ports.events], [[], []]);
});

test("what is news only to the resource as it is now is told before its status", async () => {
  const ports = new Ports();
  const before = makeCluster();
  ports.fresh = { ...before, metadata: { ...before.metadata, generation: 2 } };
  await run(ports, ({ cluster: { metadata } }) => ({
    actions: [],
    events: [{ type: "Normal", reason: "AdmittingMember", note: `of ${metadata.generation}` }],
    story: [{ type: "Normal", reason: "ScalingUp", note: `of ${metadata.generation}` }],
    status: { observedGeneration: metadata.generation },
  }));
  const { generation } = before.metadata;
  assert.deepEqual(
    ports.events.map(({ reason, note }) => `${reason} ${note}`),
    [`ScalingUp of ${generation}`, `AdmittingMember of ${generation}`, "ScalingUp of 2"],
  );
  assert.deepEqual(ports.calls.slice(-3), ["read cluster", "event ScalingUp", "status"]);
});

test("a claim is deleted only when the store proves that its member is none", async () => {
  const ports = new Ports();
  await run(ports, always(deleteClaim));
  assert.deepEqual(ports.calls.slice(-2), ["confirm", "deleteClaim"]);

  const member = new Ports();
  member.members = new Set(["demo-0", "demo-2"]);
  const kept = await run(member, always(deleteClaim, deletePod));
  assert.ok(!member.calls.includes("deleteClaim") && !member.calls.includes("deletePod"));
  assert.match(kept.failures[0]?.message ?? "", /demo-2 is a member/);

  const unproven = new Ports();
  unproven.failing.set("confirm", codeError("UNPROVEN"));
  await run(unproven, always(deleteClaim));
  assert.ok(!unproven.calls.includes("deleteClaim"));
});

test("the id of a new cluster is written at once and never taken back", async () => {
  const ports = new Ports();
  ports.result = { type: "bootstrapped", clusterId: "c1" };
  await run(ports, always({ type: "bootstrap", pod: "demo-0" }));
  assert.deepEqual(ports.calls.slice(-2), ["store bootstrap", "status"]);
  assert.equal(ports.statuses[0]?.clusterId, "c1");

  const later = new Ports();
  later.cached = makeCluster({}, { clusterId: "c1" });
  later.fresh = later.cached;
  await run(later, () => ({ actions: [], status: { ready: "0/3" } }));
  assert.deepEqual(later.statuses, [{ ready: "0/3", clusterId: "c1" }]);
});

test("a replacement is in the status before it is made", async () => {
  const ports = new Ports();
  const removal: Action = {
    type: "removeMember",
    member: "demo-1",
    nodeId: 7,
    why: "",
    isReplacement: true,
  };
  const status = { replacements: ["2026-01-01T00:00:00Z"] };
  await run(ports, () => ({ actions: [removal], status }));
  assert.deepEqual(ports.calls.slice(-2), ["status", "store removeMember"]);

  const refused = new Ports();
  refused.failing.set("status", codeError("unavailable"));
  await run(refused, () => ({ actions: [removal], status }));
  assert.ok(!refused.calls.includes("store removeMember"));
});

test("a status that was worked out from an old resource is worked out anew", async () => {
  const ports = new Ports();
  ports.fresh = makeCluster({}, { clusterId: "c9" });
  await run(ports, ({ cluster }) => ({
    actions: [],
    status: { ...cluster.status, ready: "1/3" },
  }));
  assert.deepEqual(ports.calls.slice(-3), ["status", "read cluster", "status"]);
  assert.deepEqual(ports.statuses, [{ clusterId: "c9", ready: "1/3" }]);
});

test("the status is told also when looking, planning or an event fails", async () => {
  for (const [failing, expected] of [
    ["look cached", "look at the cluster"],
    ["event Decided", "record the event Decided"],
  ] as const) {
    const ports = new Ports();
    ports.failing.set(failing, codeError("forbidden"));
    const events = [{ type: "Normal", reason: "Decided", note: "" }] as const;
    const plan = (): Planned => ({ actions: [], events, status: { ready: "1/1" } });
    const { failures } = await run(ports, plan);
    assert.equal(ports.statuses.length, 1, failing);
    assert.equal(failures[0]?.attempted, expected);
  }
  const ports = new Ports();
  const { failures } = await run(ports, () => {
    throw new Error("a defect");
  });
  assert.equal(failures[0]?.code, "internal");
  assert.equal(ports.statuses[0]?.conditions?.[0]?.reason, "ActionFailed");
});

test("events are told before the status that they tell of, lest a crash swallow them", async () => {
  const ports = new Ports();
  const events = [{ type: "Normal", reason: "ScalingDone", note: "" }] as const;
  await run(ports, () => ({ actions: [], events, status: { ready: "1/1" } }));
  assert.deepEqual(ports.calls.slice(-2), ["event ScalingDone", "status"]);
});

test("a plan may ask the store for one thing only, and last", async () => {
  for (const actions of [
    [addMember, apply("Service")],
    [addMember, addMember],
  ]) {
    const ports = new Ports();
    const { failures } = await run(ports, always(...actions));
    assert.match(failures[0]?.message ?? "", /an action after add member demo-1/);
    assert.ok(!ports.calls.includes("store addMember"));
  }
});

test("a resource that is gone, going or made anew meanwhile is left alone", async () => {
  const parts = (ports: Ports, ...actions: readonly Action[]) => ({
    kube: ports,
    members: ports,
    clock: { now: () => 0 },
    defaults: { image: "", operatorNamespace: "", operatorLabels: {} },
    plan: (): Plan => ({ actions, events: [], story: [], status: {}, requeueAfterMs: 0 }),
  });
  const gone = new Ports();
  gone.cached = null;
  assert.deepEqual(await reconcile(parts(gone), key), { type: "gone" });
  assert.deepEqual(gone.calls, ["forget"]);

  const successor = new Ports();
  const made = makeCluster();
  successor.fresh = { ...made, metadata: { ...made.metadata, uid: "another" } };
  assert.deepEqual(await reconcile(parts(successor, addMember), key), { type: "gone" });
  assert.ok(!successor.calls.some((call) => call.startsWith("store") || call === "status"));
});

test("a member of a cluster that was made anew just before is not removed", async () => {
  const ports = new Ports();
  const reads = [ports.cached, null];
  Object.defineProperty(ports, "fresh", { get: () => reads[0] ?? null });
  const write = ports.writeStatus.bind(ports);
  ports.writeStatus = async (...args) => {
    reads.shift();
    await write(...args);
  };
  const removal: Action = {
    type: "removeMember",
    member: "demo-1",
    nodeId: 7,
    why: "",
    isReplacement: true,
  };
  const parts = partsOf(ports, () => ({ actions: [removal], status: { ready: "1/3" } }));
  assert.deepEqual(await reconcile(parts, key), { type: "gone" });
  assert.ok(!ports.calls.includes("store removeMember"));
});
