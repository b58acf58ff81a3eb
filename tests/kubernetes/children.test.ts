/**
 * Every child as the operator applies it, on a real API server: what comes back is the intent, with
 * nothing dropped; hand edits are found and put right; pods pass the strictest pod security.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { valueAt } from "../../operator/src/model/desired/json.ts";
import {
  childKey,
  differsFrom,
  type JsonObject,
  type KubeObject,
} from "../../operator/src/model/index.ts";
import { becomes, NotYet } from "../e2e/kubernetes/waiting.test-kit.ts";
import {
  ChildrenStage,
  childIn,
  type Family,
  grown,
  managedByUs,
  pathOf,
} from "./children.test-kit.ts";
import { fullSpec } from "./specs.test-kit.ts";

let arrived: ChildrenStage | undefined;
function stage(): ChildrenStage {
  assert.ok(arrived !== undefined, "the stage is set before the tests");
  return arrived;
}

const specs: readonly (readonly [string, JsonObject])[] = [
  ["plain", {}],
  ["full", fullSpec],
];
const families = new Map<string, Family>();
function family(name: string): Family {
  const found = families.get(name);
  assert.ok(found !== undefined, name);
  return found;
}

before(async () => {
  arrived = await ChildrenStage.arrive();
  for (const [name, spec] of specs) families.set(name, await arrived.family(name, spec));
});
after(() => arrived?.leave());

for (const [name] of specs) {
  test(`${name}: every child comes back as it was meant, and is then left alone`, async () => {
    for (const child of family(name).children) {
      const live = await stage().apply(child);
      assert.equal(differsFrom(child, live), null, childKey(child));
      assert.deepEqual(managedByUs(await stage().apply(child)), managedByUs(live), childKey(child));
    }
    assert.deepEqual(await stage().plan(family(name)), []);
  });
}

test("what the API server may drop or change is there to the letter", async () => {
  for (const [name] of specs) {
    const live = (key: string): Promise<KubeObject> => stage().read(childIn(family(name), key));
    const meant = (key: string): KubeObject => childIn(family(name), key);
    const policy = `NetworkPolicy/${name}`;
    assert.deepEqual((await live(policy))["spec"], meant(policy)["spec"]);
    for (const key of [`ConfigMap/${name}-config`, `ConfigMap/${name}-access`]) {
      assert.deepEqual((await live(key))["data"], meant(key)["data"]);
    }
    const budget = `PodDisruptionBudget/${name}`;
    assert.deepEqual((await live(budget))["spec"], meant(budget)["spec"]);
    const { ownerReferences } = (await live(`StatefulSet/${name}`)).metadata;
    assert.deepEqual(ownerReferences, meant(policy).metadata.ownerReferences);
  }
});

/** What somebody did by hand: the child and a merge patch. */
const edits: readonly (readonly [string, object])[] = [
  ["StatefulSet/plain", { spec: { replicas: 1 } }],
  ["StatefulSet/plain", { spec: { updateStrategy: { type: "RollingUpdate" } } }],
  ["StatefulSet/plain", { spec: { template: { spec: { automountServiceAccountToken: true } } } }],
  ["StatefulSet/plain", { spec: { template: { metadata: { annotations: null } } } }],
  ["StatefulSet/plain", { spec: { template: { spec: { topologySpreadConstraints: null } } } }],
  ["Service/plain", { spec: { selector: { "app.kubernetes.io/name": "other" } } }],
  ["Service/plain", { spec: { selector: { also: "this" } } }],
  ["PodDisruptionBudget/plain", { spec: { selector: { matchLabels: { also: "this" } } } }],
  ["NetworkPolicy/plain", { spec: { podSelector: { matchLabels: { also: "this" } } } }],
  ["Service/plain", { spec: { publishNotReadyAddresses: true } }],
  ["Service/plain", { spec: { externalIPs: ["192.0.2.1"] } }],
  ["Service/plain", { spec: { sessionAffinity: "ClientIP" } }],
  ["Service/plain-peers", { spec: { publishNotReadyAddresses: false } }],
  ["ConfigMap/plain-config", { data: { "node.yaml": "name: x" } }],
  ["ConfigMap/plain-access", { data: null }],
  ["PodDisruptionBudget/plain", { spec: { maxUnavailable: 3 } }],
  ["NetworkPolicy/plain", { spec: { ingress: [{}] } }],
  ["NetworkPolicy/plain", { spec: { ingress: null } }],
  ["Service/plain", { spec: { ports: [{ name: "http", port: 80, protocol: "TCP" }] } }],
  ["ServiceAccount/plain", { automountServiceAccountToken: true }],
  ["ServiceAccount/plain", { metadata: { labels: null } }],
  ["Service/plain", { metadata: { ownerReferences: null } }],
];

test("a hand edit is found, named, and put right by the operator's plan", async () => {
  for (const [key, edit] of edits) {
    const child = childIn(family("plain"), key);
    await stage().server.kube.patch(pathOf(child), edit);
    const actions = await stage().plan(family("plain"));
    const edited = `${key} ${JSON.stringify(edit)}`;
    assert.equal(actions.length, 1, `not found: ${edited}`);
    await stage().carryOut(family("plain"), actions);
    assert.deepEqual(await stage().plan(family("plain")), [], `not put right: ${edited}`);
  }
});

test("what is taken out of the intent goes from the live object too", async () => {
  const { metadata, ...service } = childIn(family("full"), "Service/full");
  const { team: _, ...labels } = metadata.labels ?? {};
  const annotations = { ...metadata.annotations, "kvcluster.io/intent": "changed" };
  const less = { ...service, metadata: { ...metadata, labels, annotations } } as KubeObject;
  assert.notEqual(differsFrom(less, await stage().read(less)), null);
  await stage().carryOut(family("full"), [{ type: "apply", object: less, why: "test" }]);
  const live = await stage().read(less);
  assert.equal(differsFrom(less, live), null);
  assert.equal(live.metadata.labels?.["team"], undefined);
});

/** Plans and carries out until there is nothing left to do. */
const settle = (members: Family): Promise<boolean> =>
  becomes(
    "no more actions",
    async () => {
      const actions = await stage().plan(members);
      await stage().carryOut(members, actions);
      return actions.length === 0 ? true : new NotYet(JSON.stringify(actions));
    },
    { withinMs: 60_000 },
  );

test("fields that nobody may change are put right by making the object anew", async () => {
  const plain = family("plain");
  const before = await stage().read(childIn(plain, "StatefulSet/plain"));
  const larger = grown(plain, "30Gi");
  await settle(larger);
  const set = await stage().read(childIn(larger, "StatefulSet/plain"));
  assert.notEqual(set.metadata.uid, before.metadata.uid);
  assert.equal(differsFrom(childIn(larger, "StatefulSet/plain"), set), null);
  const peers = childIn(larger, "Service/plain-peers");
  await stage().server.kube.kubectl(["replace", "--force", "--cascade=background", "-f", "-"], {
    input: JSON.stringify({ ...peers, spec: { ...(peers["spec"] as object), clusterIP: "" } }),
  });
  await settle(larger);
  assert.equal(valueAt(await stage().read(peers), "spec", "clusterIP"), "None");
});

test("the pods are let in where pod security is restricted", async () => {
  for (const [name] of specs) {
    const set = childIn(family(name), `StatefulSet/${name}`);
    const spec = valueAt(set, "spec", "template", "spec") as JsonObject;
    const create = (pod: unknown): Promise<{ status: number; body: string }> =>
      stage().server.kube.send(`/api/v1/namespaces/${stage().server.namespace}/pods?dryRun=All`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(pod),
      });
    const { priorityClassName: _, ...placed } = spec;
    const claim = { name: "data", persistentVolumeClaim: { claimName: "data" } };
    const mounted = { ...placed, volumes: [...(spec["volumes"] as readonly JsonObject[]), claim] };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: `try-${name}` }, spec: mounted };
    const answer = await create(pod);
    assert.equal(answer.status, 201, answer.body);
    // The door is shut indeed: the same pod without its security context is refused.
    const open = await create({ ...pod, spec: { ...mounted, securityContext: {} } });
    assert.equal(open.status, 403, open.body);
    assert.match(open.body, /violates PodSecurity/);
  }
});
