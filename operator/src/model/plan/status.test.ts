/** Each reason of each condition, and what brings it about. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, KVClusterStatus } from "../api/types.ts";
import { makeSpec, planStatefulSetOnly } from "./plan.test-kit.ts";
import { createPlanner } from "./plan.ts";
import { conditionReasons } from "./reasons.ts";
import { CLUSTER_ID, NOW, observe, type Scene } from "./scene.test-kit.ts";

const defaults = { image: "kv:1", operatorNamespace: "system", operatorLabels: {} };
const planner = createPlanner(planStatefulSetOnly);
const faultyPlanner = createPlanner(() => ({ actions: [], faults: ["Secret demo-auth is gone"] }));

function conditionsOf(scene: Scene, plan = planner): readonly Condition[] {
  return plan(observe(scene), defaults).status.conditions ?? [];
}

function given(type: Condition["type"], reason: string, status: Condition["status"]): Condition {
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  return { type, status, reason, message: "", observedGeneration: 1, lastTransitionTime };
}

const before = (condition: Condition): KVClusterStatus => ({
  clusterId: CLUSTER_ID,
  conditions: [condition],
});

const all = (what: "blank" | "unreachable"): NonNullable<Scene["nodes"]> => ({
  0: what,
  1: what,
  2: what,
});
const members = [0, 1, 2].map(
  (i) => ({ name: `demo-${i}`, nodeId: 10 + i, role: "voter", health: "healthy" }) as const,
);
const remembered = { clusterId: CLUSTER_ID, members };
const notReady = { isReady: false };
const noPodReady = { 0: notReady, 1: notReady, 2: notReady };
const ready = { 0: { isReady: true }, 1: { isReady: true }, 2: { isReady: true } };
const old = { revision: "old" };
const crashing = { ...notReady, problem: "CrashLoopBackOff" };
const retained = { spec: { repair: { ...makeSpec().repair, enabled: false } } };

const lost: Scene = { status: remembered, nodes: all("unreachable"), podChanges: noPodReady };
const foreign: Scene = { status: {}, clusterIds: { 1: "b".repeat(32) } };
const failingRoll: Scene = { nodes: { 2: "unreachable" }, podChanges: { 0: old, 2: crashing } };

const available: Readonly<Record<string, Scene>> = {
  QuorumHealthy: {},
  QuorumLost: lost,
  NoLeader: { leader: null },
  StoreUnreachable: { status: remembered, nodes: all("unreachable"), podChanges: ready },
  NotBootstrapped: { status: {}, nodes: all("blank") },
  WaitingForNodes: {
    ...lost,
    status: { ...remembered, ...before(given("Available", "Hibernated", "False")) },
  },
  Hibernated: { spec: { replicas: 0 }, pods: 0, claims: 3 },
  DataLost: { status: remembered, nodes: all("blank") },
  ForeignData: foreign,
};

const progressing: Readonly<Record<string, Scene>> = {
  AsSpecified: {},
  Paused: { spec: { paused: true } },
  Hibernated: { spec: { replicas: 0 }, pods: 0, claims: 3 },
  Bootstrapping: { status: {}, nodes: all("blank") },
  ScalingUp: { voters: [0, 1], nodes: { 2: "blank" } },
  ScalingDown: { spec: { replicas: 1 }, pods: 3 },
  ScaleDownBlocked: { spec: { replicas: 2 }, pods: 3, nodes: { 1: "starting" } },
  Rolling: { podChanges: { 2: old } },
  RollPaused: { spec: { updatePolicy: { pause: true } }, podChanges: { 2: old } },
  RollFailing: failingRoll,
  Replacing: { nodes: { 2: "blank" } },
  Repairing: { statefulSet: { image: "kv:0" }, spec: { image: "kv:1" } },
  WaitingForNodes: { nodes: { 2: "starting" } },
};

const degraded: Readonly<Record<string, Scene>> = {
  AsExpected: {},
  DataLost: { status: remembered, nodes: all("blank") },
  ForeignData: foreign,
  QuorumLost: lost,
  MemberCorrupt: { nodes: { 2: "corrupt" } },
  MemberLost: { nodes: { 2: "blank" } },
  ReplacementBraked: { ...retained, nodes: { 2: "blank" } },
  RollFailing: failingRoll,
  PodFailing: { nodes: { 2: "unreachable" }, podChanges: { 2: crashing } },
  MemberUnhealthy: { nodes: { 2: "starting" } },
};

test("each reason of Available has its cause", () => {
  assert.deepEqual(Object.keys(available).sort(), [...conditionReasons.Available].sort());
  for (const [reason, scene] of Object.entries(available)) {
    assert.equal(conditionsOf(scene)[0]?.reason, reason);
  }
});

test("each reason of Progressing has its cause", () => {
  assert.deepEqual(Object.keys(progressing).sort(), [...conditionReasons.Progressing].sort());
  for (const [reason, scene] of Object.entries(progressing)) {
    assert.equal(conditionsOf(scene)[1]?.reason, reason);
  }
});

test("each reason of Degraded has its cause", () => {
  // The first needs faults of children, the second is the reconciler's.
  const elsewhere = ["ChildrenFaulty", "ActionFailed"];
  const known = [...Object.keys(degraded), ...elsewhere];
  assert.deepEqual(known.sort(), [...conditionReasons.Degraded].sort());
  for (const [reason, scene] of Object.entries(degraded)) {
    assert.equal(conditionsOf(scene)[2]?.reason, reason);
  }
  const faulty = conditionsOf({}, faultyPlanner)[2];
  assert.deepEqual(
    [faulty?.reason, faulty?.message],
    ["ChildrenFaulty", "Secret demo-auth is gone"],
  );
});

test("a lost quorum is told with the numbers, the members that are away, and a command", () => {
  assert.equal(
    conditionsOf(lost)[0]?.message,
    "0 of 3 voters take part, 2 are needed; demo-0 does not answer; demo-1 does not answer; " +
      "demo-2 does not answer. See: kubectl -n test get pods -o wide -l " +
      "app.kubernetes.io/name=kvcluster,app.kubernetes.io/instance=demo",
  );
});

test("a node that restarts does not make the cluster Degraded", () => {
  const podChanges = { 2: { ...notReady, readySince: NOW - 59_000 } };
  const [, , condition] = conditionsOf({ nodes: { 2: "unreachable" }, podChanges });
  assert.equal(condition?.reason, "AsExpected");
});

test("members keep their last known version, and unreachable ones are called so", () => {
  const known = members.map((member) => ({ ...member, version: "0.9.0" }));
  const status = { clusterId: CLUSTER_ID, members: known };
  const planned = planner(observe({ status, nodes: { 2: "unreachable" } }), defaults).status;
  assert.deepEqual(
    planned.members?.map(({ name, role, health, version }) => [name, role, health, version]),
    [
      ["demo-0", "leader", "healthy", "1.0.0"],
      ["demo-1", "voter", "healthy", "1.0.0"],
      ["demo-2", "voter", "unreachable", "0.9.0"],
    ],
  );
});

test("the version is told once all nodes have the same", () => {
  const status = { clusterId: CLUSTER_ID, currentVersion: "0.9.0" };
  const observed = observe({ status });
  assert.equal(planner(observed, defaults).status.currentVersion, "1.0.0");
  const nodes = observed.nodes.map((node, i) =>
    i === 0 && node.type === "answered" ? { ...node, version: "1.1.0" } : node,
  );
  assert.equal(planner({ ...observed, nodes }, defaults).status.currentVersion, "0.9.0");
});

test("what is wrong is told once as an Event, too", () => {
  for (const reason of ["ForeignData", "MemberCorrupt", "MemberLost", "PodFailing"]) {
    const scene = degraded[reason] ?? {};
    const first = planner(observe(scene), defaults);
    const isTold = first.story.some((one) => one.reason === reason && one.type === "Warning");
    assert.ok(isTold, reason);
    const again = planner(observe({ ...scene, status: first.status }), defaults);
    assert.equal(
      again.story.some((one) => one.reason === reason),
      false,
      reason,
    );
  }
});
