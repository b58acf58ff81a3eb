import assert from "node:assert/strict";
import { test } from "node:test";
import { desiredChildren } from "../desired/children.ts";
import { copyOf, inputsWith, settled } from "../desired/desired.test-kit.ts";
import type { DesiredInputs } from "../desired/inputs.ts";
import type { KubeObject, Observed, ObservedClaim } from "../observed.ts";
import type { KubeAction } from "./action.ts";
import { foreignChildren, planChildren } from "./children.ts";
import { secretFaults } from "./secrets.ts";

const plan = (inputs: DesiredInputs, observed: Observed): readonly KubeAction[] =>
  planChildren(observed, desiredChildren(inputs));

const told = (actions: readonly KubeAction[]): readonly string[] =>
  actions.map((action) => {
    switch (action.type) {
      case "apply":
      case "deleteChild":
        return `${action.type} ${action.object.kind}/${action.object.metadata.name}: ${action.why}`;
      case "orphanStatefulSet":
        return `${action.type} ${action.uid}: ${action.why}`;
      case "createSecret":
        return `${action.type} ${action.name} ${action.contents} ${action.isOwned}`;
      case "setOwned":
        return `${action.type} ${action.kind}/${action.name} ${action.isOwned}`;
      case "resizeClaim":
        return `${action.type} ${action.claim} ${action.size}`;
      default:
        return action.type;
    }
  });

/** The observation with one child replaced, or taken away by null. */
function withChild(
  observed: Observed,
  key: string,
  change: (live: KubeObject) => KubeObject | null,
): Observed {
  const children = new Map(observed.children);
  const live = children.get(key);
  assert.ok(live !== undefined, key);
  const changed = change(copyOf(live));
  if (changed === null) children.delete(key);
  else children.set(key, changed);
  return { ...observed, children };
}

const inMetadata =
  (fields: object) =>
  (live: KubeObject): KubeObject => ({ ...live, metadata: { ...live.metadata, ...fields } });

const claim = (fields: Partial<ObservedClaim> = {}): ObservedClaim => ({
  name: "data-store-0",
  ordinal: 0,
  uid: "c0",
  phase: "Bound",
  requested: "10Gi",
  capacity: "10Gi",
  isDeleting: false,
  isOwned: false,
  createdAt: 0,
  ...fields,
});

const plain = inputsWith();

test("a settled cluster is left alone", () => {
  assert.deepEqual(plan(plain, settled(plain, { claims: [claim()] })), []);
});

test("a new cluster gets its secrets first and its StatefulSet after all that pods need", () => {
  const nothing = settled(plain, { children: new Map(), secrets: new Map() });
  const actions = told(plan(plain, nothing));
  assert.deepEqual(actions.slice(0, 3), [
    "createSecret store-auth jwtSecret false",
    "createSecret store-keyring keyRing false",
    "createSecret store-peer peerSecret false",
  ]);
  assert.deepEqual(
    actions.slice(3),
    desiredChildren(plain).map(({ kind, metadata }) => `apply ${kind}/${metadata.name}: created`),
  );
});

test("a child that is missing or differs is applied, with the reason", () => {
  const base = settled(plain);
  const missing = withChild(base, "Service/store", () => null);
  assert.deepEqual(told(plan(plain, missing)), ["apply Service/store: created"]);
  const isNew = (observed: Observed): unknown => Object(plan(plain, observed)[0])["isNew"];
  assert.equal(isNew(missing), true, "somebody else's of that name is to be looked for");
  const edited = withChild(base, "ConfigMap/store-config", (live) => ({ ...live, data: {} }));
  assert.match(
    told(plan(plain, edited))[0] ?? "",
    /^apply ConfigMap\/store-config: data\["node\.yaml"\] is absent, wanted /,
  );
  assert.equal(isNew(edited), undefined);
});

test("what others added to a selector or to a Service's ports is overwritten first", () => {
  const edited = withChild(settled(plain), "Service/store", (live) => {
    const spec = live["spec"] as { selector: object; ports: object[] };
    const ports = [{ name: "http", port: 80, protocol: "TCP" }];
    return { ...live, spec: { ...spec, ports, selector: { ...spec.selector, also: "this" } } };
  });
  const [action] = plan(plain, edited);
  assert.equal(action?.type, "apply");
  assert.deepEqual((action as { overwrite?: object }).overwrite, {
    spec: {
      ports: [{ name: "http", port: 5000, targetPort: "http", protocol: "TCP" }],
      selector: { also: null },
    },
  });
});

test("a restart asked for with kubectl is not undone", () => {
  const restarted = withChild(settled(plain), "StatefulSet/store", (live) => {
    const spec = live["spec"] as { template: { metadata: { annotations: object } } };
    Object.assign(spec.template.metadata.annotations, { "kubectl.kubernetes.io/restartedAt": "x" });
    return live;
  });
  assert.deepEqual(plan(plain, restarted), []);
});

test("a StatefulSet whose immutable fields differ is made anew around its pods", () => {
  const grown = inputsWith({ storage: { size: "20Gi" } });
  const actions = told(plan(grown, settled(plain, { cluster: grown.cluster, claims: [claim()] })));
  assert.deepEqual(actions, [
    "orphanStatefulSet uid-of-StatefulSet/store: spec.volumeClaimTemplates[0].spec.resources" +
      '.requests.storage is "10Gi", wanted "20Gi"',
    "resizeClaim data-store-0 20Gi",
  ]);
});

test("a StatefulSet that is on its way out is waited for, whatever else differs", () => {
  const deletionTimestamp = "2026-11-01T10:00:00Z";
  const going = withChild(settled(plain), "StatefulSet/store", (live) => ({
    ...inMetadata({ deletionTimestamp })(live),
    spec: { ...(live["spec"] as object), replicas: 1, serviceName: "other" },
  }));
  assert.deepEqual(plan(plain, going), []);
  const gone = withChild(going, "StatefulSet/store", () => null);
  assert.deepEqual(told(plan(plain, gone)), ["apply StatefulSet/store: created"]);
});

test("a headless Service that got an address is deleted, to be made anew", () => {
  const wrong = withChild(settled(plain), "Service/store-peers", (live) => ({
    ...live,
    spec: { ...(live["spec"] as object), clusterIP: "10.0.0.1" },
  }));
  assert.deepEqual(told(plan(plain, wrong)), [
    "deleteChild Service/store-peers: spec.clusterIP is 10.0.0.1, wanted None",
  ]);
});

test("an object that another controller owns is neither written nor deleted, and is told", () => {
  const [owner] = settled(plain).children.get("Service/store")?.metadata.ownerReferences ?? [];
  const other = inMetadata({ ownerReferences: [{ ...owner, uid: "other" }], labels: {} });
  const taken = withChild(settled(plain), "Service/store", other);
  assert.deepEqual(plan(plain, taken), []);
  assert.deepEqual(foreignChildren(taken, desiredChildren(plain)), ["Service/store"]);
  assert.deepEqual(foreignChildren(settled(plain), desiredChildren(plain)), []);
  const off = inputsWith({ networkPolicy: { enabled: false } });
  const policy = withChild(settled(plain, { cluster: off.cluster }), "NetworkPolicy/store", other);
  assert.deepEqual(plan(off, policy), []);
});

test("a child without an owner, left by a cluster of the same name, is taken over", () => {
  const left = withChild(settled(plain), "Service/store", inMetadata({ ownerReferences: [] }));
  assert.match(told(plan(plain, left))[0] ?? "", /^apply Service\/store: metadata.ownerReferences/);
});

test("what is switched off is deleted once, and only what we own", () => {
  const off = inputsWith({ networkPolicy: { enabled: false } });
  const before = settled(plain, { cluster: off.cluster });
  assert.deepEqual(told(plan(off, before)), ["deleteChild NetworkPolicy/store: switched off"]);
  assert.deepEqual(plan(off, settled(off)), []);
});

test("a ServiceMonitor is deleted when switched off, unless its kind is gone with it", () => {
  const monitor = { ...settled(plain).children.get("Service/store"), kind: "ServiceMonitor" };
  const off = inputsWith({ monitoring: { serviceMonitor: { enabled: false } } });
  const base = settled(off);
  const children = new Map(base.children).set("ServiceMonitor/store", monitor as KubeObject);
  const deleted = told(plan(off, { ...base, children }));
  assert.deepEqual(deleted, ["deleteChild ServiceMonitor/store: switched off"]);
  const capabilities = { serviceMonitor: false, prometheusRule: true };
  assert.deepEqual(plan(off, { ...base, children, capabilities }), []);
});

test("generated Secrets and claims are owned exactly when the retention is Delete", () => {
  const retention = { whenDeleted: "Delete" };
  const dropping = inputsWith({ storage: { retention } });
  const kept = { ...settled(plain, { claims: [claim()] }), cluster: dropping.cluster };
  assert.deepEqual(told(plan(dropping, kept)), [
    "setOwned Secret/store-auth true",
    "setOwned Secret/store-keyring true",
    "setOwned Secret/store-peer true",
    "setOwned PersistentVolumeClaim/data-store-0 true",
  ]);
  const owned = settled(dropping, { claims: [claim({ isOwned: true })] });
  assert.deepEqual(plan(dropping, owned), []);
  const back = told(plan(plain, { ...owned, cluster: plain.cluster }));
  assert.equal(back.filter((line) => line.endsWith(" false")).length, 4);
  const doomed = { ...kept, claims: [claim({ isDoomed: true })] };
  assert.ok(!told(plan(dropping, doomed)).some((line) => line.includes("data-store-0")));
  const fresh = settled(dropping, { secrets: new Map() });
  assert.ok(told(plan(dropping, fresh)).includes("createSecret store-peer peerSecret true"));
});

test("a Secret of an earlier cluster of the name is kept from going with it", () => {
  const secrets = new Map(settled(plain).secrets);
  const peer = secrets.get("store-peer");
  assert.ok(peer !== undefined);
  secrets.set("store-peer", { ...peer, isDoomed: true });
  const left = settled(plain, { secrets });
  assert.deepEqual(told(plan(plain, left)), ["setOwned Secret/store-peer false"]);
});

test("a Secret of the user's own is neither made nor owned; its absence is a fault", () => {
  const own = inputsWith({
    encryption: { secretName: "mine" },
    storage: { retention: { whenDeleted: "Delete" } },
  });
  const observed = settled(own);
  assert.deepEqual(plan(own, observed), []);
  assert.deepEqual(secretFaults(observed), [
    "Secret mine of spec.encryption.secretName does not exist: make it, key key-ring.json",
  ]);
  const mine = { name: "mine", uid: "m", keys: ["key-ring.json"], isOwned: false, fault: null };
  const there = { ...observed, secrets: new Map(observed.secrets).set("mine", mine) };
  assert.deepEqual(plan(own, there), []);
  assert.deepEqual(secretFaults(there), []);
  const without = new Map(there.secrets).set("mine", { ...mine, keys: ["ring"] });
  assert.deepEqual(secretFaults({ ...there, secrets: without }), [
    "Secret mine has no key key-ring.json: add it",
  ]);
  const broken = new Map(there.secrets).set("mine", { ...mine, fault: "no active key" });
  assert.deepEqual(secretFaults({ ...there, secrets: broken }), ["Secret mine: no active key"]);
});

test("a key ring under which values are stored is never made anew: its loss is told", () => {
  const secrets = new Map(settled(plain).secrets);
  secrets.delete("store-keyring");
  secrets.delete("store-peer");
  const known = { ...plain.cluster, status: { clusterId: "c1" } };
  for (const others of [
    { secrets, cluster: known },
    { secrets, claims: [claim()] },
  ]) {
    const lost = settled(plain, others);
    assert.deepEqual(told(plan(plain, lost)), ["createSecret store-peer peerSecret false"]);
    assert.match(secretFaults(lost)[0] ?? "", /^Secret store-keyring .* is gone: restore it/);
  }
  const begun = settled(plain, { secrets, claims: [claim({ phase: "Pending" })] });
  assert.equal(told(plan(plain, begun)).length, 2);
  assert.deepEqual(secretFaults(begun), []);
});

test("claims grow to the size of the spec and never shrink", () => {
  const grown = inputsWith({ storage: { size: "20Gi" } });
  const claims = [
    claim({ requested: "10Gi" }),
    claim({ name: "data-store-1", requested: "20480Mi" }),
    claim({ name: "data-store-2", requested: "30Gi" }),
    claim({ name: "data-store-3", isDeleting: true }),
    claim({ name: "data-store-4", phase: "Pending" }),
  ];
  assert.deepEqual(told(plan(grown, settled(grown, { claims }))), [
    "resizeClaim data-store-0 20Gi",
  ]);
});
