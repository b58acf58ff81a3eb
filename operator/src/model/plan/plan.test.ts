import assert from "node:assert/strict";
import { test } from "node:test";
import { childKey } from "../desired/children.ts";
import type { KubeObject, Observed, ObservedSecret } from "../observed.ts";
import type { Action } from "./action.ts";
import { defaults } from "./plan.test-kit.ts";
import { plan } from "./plan.ts";
import { CLUSTER_ID, observe, type Scene } from "./scene.test-kit.ts";

/** What is seen after Kubernetes' part of a plan was carried out to the letter. */
function carryOut(observed: Observed, actions: readonly Action[]): Observed {
  const children = new Map<string, KubeObject>(observed.children);
  const secrets = new Map<string, ObservedSecret>(observed.secrets);
  for (const action of actions) {
    if (action.type === "apply") children.set(childKey(action.object), action.object);
    if (action.type !== "createSecret") continue;
    const key = { jwtSecret: "jwt-secret", keyRing: "key-ring.json", peerSecret: "peer-secret" };
    const { name, isOwned } = action;
    const keys = [key[action.contents]];
    secrets.set(name, { name, uid: `uid-${name}`, keys, isOwned, fault: null });
  }
  return { ...observed, children, secrets };
}

const kinds = (actions: readonly Action[]): readonly string[] =>
  actions.map((action) =>
    action.type === "apply" ? `${action.type} ${action.object.kind}` : action.type,
  );

/** The key ring was made before the store was: it is the one Secret that is not made anew. */
function withKeyRing(observed: Observed): Observed {
  const name = `${observed.cluster.metadata.name}-keyring`;
  const keyRing = { name, uid: "uid-ring", keys: ["key-ring.json"], isOwned: false, fault: null };
  return { ...observed, secrets: new Map([...observed.secrets, [name, keyRing]]) };
}

function settled(scene: Scene = {}): Observed {
  const observed = withKeyRing(observe(scene));
  return carryOut(observed, plan(observed, defaults).actions);
}

test("a new KVCluster gets its Secrets first and its StatefulSet last", () => {
  const observed = {
    ...observe({ status: {}, pods: 0 }),
    ...{ secrets: new Map(), statefulSet: null },
  };
  const { actions, status } = plan(observed, defaults);
  const done = kinds(actions);
  assert.deepEqual(done.slice(0, 3), ["createSecret", "createSecret", "createSecret"]);
  assert.equal(done.at(-1), "apply StatefulSet");
  assert.equal(status.image, defaults.image);
  assert.equal(status.conditions?.[0]?.reason, "NotBootstrapped");
});

test("once everything is as wanted, a plan has no action and its status is the live one", () => {
  const first = settled();
  const { actions, status } = plan(first, defaults);
  assert.deepEqual(kinds(actions), []);
  const again = plan({ ...first, cluster: { ...first.cluster, status } }, defaults);
  assert.deepEqual(again.status, status);
  assert.deepEqual([...again.events, ...again.story], []);
  assert.deepEqual(again.actions, []);
  assert.equal(again.requeueAfterMs, 30_000);
});

test("another operator's default image changes nothing of a cluster that has one", () => {
  const first = settled();
  const { status } = plan(first, defaults);
  const upgraded = { ...defaults, image: "kv:2" };
  for (const live of [status, { clusterId: CLUSTER_ID }]) {
    const next = plan({ ...first, cluster: { ...first.cluster, status: live } }, upgraded);
    assert.deepEqual(kinds(next.actions), []);
    assert.equal(next.status.image, "kv:1");
  }
});

test("Kubernetes' objects are repaired while no node answers", () => {
  const nodes = { 0: "unreachable", 1: "unreachable", 2: "unreachable" } as const;
  const { children, ...rest } = settled({ nodes });
  const without = new Map([...children].filter(([key]) => !key.startsWith("Service/")));
  const { actions } = plan({ ...rest, children: without }, defaults);
  assert.deepEqual(kinds(actions), ["apply Service", "apply Service"]);
});

test("the store's action comes after the repairs, and there is one only", () => {
  const nodes = { 1: "blank", 2: "blank" } as const;
  const observed = observe({ voters: [0], nodes });
  const done = kinds(plan(observed, defaults).actions);
  assert.equal(done.at(-1), "addMember");
  assert.equal(done.filter((kind) => kind === "addMember").length, 1);
  assert.ok(done.length > 1);
});

test("no pod restarts in the pass that changes the template", () => {
  const revision = { revision: "old" };
  const scene = { podChanges: { 0: revision, 1: revision, 2: revision } };
  const first = settled(scene);
  assert.deepEqual(kinds(plan(first, defaults).actions), ["evictPod"]);
  const spec = { ...first.cluster.spec, image: "kv:2" };
  const edited = { ...first, cluster: { ...first.cluster, spec } };
  assert.deepEqual(kinds(plan(edited, defaults).actions), ["apply StatefulSet"]);
});

test("a KVCluster that is being deleted is left to the garbage collector", () => {
  const { cluster, ...rest } = observe({});
  const metadata = { ...cluster.metadata, deletionTimestamp: "2026-01-02T00:00:00Z" };
  const { actions, events, status } = plan(
    { ...rest, cluster: { ...cluster, metadata } },
    defaults,
  );
  assert.deepEqual([actions, events, status], [[], [], cluster.status]);
});

test("before the nodes were asked, nothing is told as an Event", () => {
  const first = settled();
  const { status } = plan(first, defaults);
  const unasked = { ...first, cluster: { ...first.cluster, status }, nodes: [] };
  assert.deepEqual(plan(unasked, defaults).story, []);
});

test("a fault of a Secret makes the cluster Degraded and says what to do", () => {
  const first = settled();
  const [name = "", secret] = [...first.secrets][0] ?? [];
  assert.ok(secret);
  const secrets = new Map(first.secrets).set(name, { ...secret, keys: [] });
  const degraded = plan({ ...first, secrets }, defaults).status.conditions?.[2];
  assert.equal(degraded?.reason, "ChildrenFaulty");
  assert.match(degraded?.message ?? "", /has no key/);
});
