import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Action,
  EventIntent,
  KubeAction,
  KubeObject,
  KVCluster,
  KVClusterStatus,
  NodeView,
  Observed,
  ObservedPod,
  ObservedStatefulSet,
  Plan,
} from "../model/index.ts";
import { makeCluster } from "../model/plan/plan.test-kit.ts";
import type { KubePort, KubeView, MembersPort, StoreResult } from "./ports.ts";
import { type ReconcileResult, reconcile } from "./reconcile.ts";

type Reconciled = Extract<ReconcileResult, { readonly type: "reconciled" }>;

const key = { namespace: "test", name: "demo" };

const object = (kind: string, apiVersion = "v1", spec: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "demo", namespace: "test" },
  spec,
});
const apply = (kind: string, apiVersion = "v1", spec: object = {}): KubeAction => ({
  type: "apply",
  object: object(kind, apiVersion, spec),
  why: "test",
});
const deletePod: KubeAction = {
  type: "deletePod",
  pod: "demo-1",
  uid: "p1",
  force: false,
  why: "",
};
const deleteClaim: KubeAction = {
  type: "deleteClaim",
  claim: "data-demo-2",
  uid: "c2",
  member: "demo-2",
  why: "",
};
const addMember: Action = { type: "addMember", pod: "demo-1", why: "" };

const podAt = (ip: string): ObservedPod => ({
  name: "demo-0",
  ordinal: 0,
  uid: "p0",
  revision: "r",
  ip,
  nodeName: "n",
  phase: "Running",
  isReady: true,
  readySince: 0,
  deletingUntil: null,
  restarts: 0,
  problem: null,
  image: "kv:1",
});
const answered: NodeView = {
  pod: "demo-0",
  type: "answered",
  phase: "serving",
  isReady: true,
  reasons: [],
  status: null,
  version: null,
};

const codeError = (code: string, message = "no"): Error =>
  Object.assign(new Error(message), { code });

/** Ports that note what they are asked, and fail where a test wants it. */
class Ports implements KubePort, MembersPort {
  readonly calls: string[] = [];
  readonly statuses: KVClusterStatus[] = [];
  readonly events: EventIntent[] = [];
  cached: KVCluster | null = makeCluster();
  fresh: KVCluster | null = this.cached;
  cachedPods: readonly ObservedPod[] = [podAt("1.1.1.1")];
  freshPods: readonly ObservedPod[] = this.cachedPods;
  statefulSet: ObservedStatefulSet | null = null;
  failing = new Map<string, Error>();
  members: ReadonlySet<string> = new Set(["demo-0"]);
  result: StoreResult = { type: "done" };
  surveyed: readonly NodeView[] = [answered];

  async #call(name: string): Promise<void> {
    this.calls.push(name);
    const error = this.failing.get(name);
    if (error !== undefined) throw error;
  }

  async cluster(_key: unknown, mode = "cached"): Promise<KVCluster | null> {
    if (mode === "fresh") await this.#call("read cluster");
    return mode === "fresh" ? this.fresh : this.cached;
  }
  async look(cluster: KVCluster, mode = "cached"): Promise<KubeView> {
    await this.#call(`look ${mode}`);
    return {
      cluster,
      children: new Map(),
      secrets: new Map(),
      statefulSet: this.statefulSet,
      pods: mode === "fresh" ? this.freshPods : this.cachedPods,
      claims: [],
      issuer: { type: "unknown", why: "" },
      capabilities: { serviceMonitor: false, prometheusRule: false },
    };
  }
  async adminSecret(): Promise<Uint8Array | null> {
    await this.#call("secret");
    return new Uint8Array(32);
  }
  async survey(): Promise<readonly NodeView[]> {
    await this.#call("survey");
    return this.surveyed;
  }
  async confirmMembers(): Promise<ReadonlySet<string>> {
    await this.#call("confirm");
    return this.members;
  }
  async execute(_cluster: KVCluster, action: Action, access?: unknown): Promise<never> {
    const what = "object" in action ? `${action.type} ${action.object.kind}` : action.type;
    await this.#call(access === undefined ? what : `store ${what}`);
    return this.result as never;
  }
  async writeStatus(cluster: KVCluster, status: KVClusterStatus): Promise<void> {
    await this.#call("status");
    if (cluster !== this.fresh) throw codeError("conflict");
    this.statuses.push(status);
  }
  async recordEvent(_cluster: KVCluster, event: EventIntent): Promise<void> {
    await this.#call(`event ${event.reason}`);
    this.events.push(event);
  }
  forget(): void {
    this.calls.push("forget");
  }
}

type Planned = Partial<Plan> & { readonly actions: readonly Action[] };

async function run(ports: Ports, plan: (observed: Observed) => Planned): Promise<Reconciled> {
  const defaults = { image: "kv:1", operatorNamespace: "system", operatorLabels: {} };
  const result = await reconcile(
    {
      kube: ports,
      members: ports,
      clock: { now: () => 0 },
      defaults,
      plan: (observed) => ({
        events: [],
        status: observed.cluster.status ?? {},
        requeueAfterMs: 30_000,
        ...plan(observed),
      }),
    },
    key,
  );
  assert.ok(result.type === "reconciled", result.type);
  return result;
}

const always =
  (...actions: readonly Action[]) =>
  (): Planned => ({ actions });

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

test("the StatefulSet waits for the fresh read: a late cache may not know of a member", async () => {
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

test("after a failure nothing more is changed, the status is told and the pass is a failed one", async () => {
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
    plan: (): Plan => ({ actions, events: [], status: {}, requeueAfterMs: 0 }),
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
