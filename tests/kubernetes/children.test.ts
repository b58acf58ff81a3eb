/**
 * Every child as the operator applies it, on a real API server: what comes back is the intent, with
 * nothing dropped; hand edits are found and put right; pods pass the strictest pod security.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeKVCluster } from "../../operator/src/model/api/decode.ts";
import { valueAt } from "../../operator/src/model/desired/json.ts";
import {
  additionsTo,
  type DesiredInputs,
  desiredChildren,
  differsFrom,
  fieldManager,
  type JsonObject,
  type KubeObject,
} from "../../operator/src/model/index.ts";
import { ApiServer } from "./api-server.test-kit.ts";
import { fullSpec } from "./specs.test-kit.ts";

let stage: ApiServer | undefined;
function server(): ApiServer {
  assert.ok(stage !== undefined, "the stage is set before the tests");
  return stage;
}

const plurals: Readonly<Record<string, string>> = {
  ConfigMap: "configmaps",
  NetworkPolicy: "networkpolicies",
  PodDisruptionBudget: "poddisruptionbudgets",
  Service: "services",
  ServiceAccount: "serviceaccounts",
  StatefulSet: "statefulsets",
  ServiceMonitor: "servicemonitors",
  PrometheusRule: "prometheusrules",
};

function pathOf({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${group}/namespaces/${metadata.namespace}/${plurals[kind]}/${metadata.name}`;
}

const read = (object: KubeObject): Promise<KubeObject> =>
  server().kube.get<KubeObject & { metadata: never }>(pathOf(object));

/** As the operator carries out an apply: first what others added is taken away. */
async function apply(object: KubeObject, seen: KubeObject | null = null): Promise<KubeObject> {
  const additions = seen === null ? null : additionsTo(object, seen);
  if (additions !== null) await server().kube.patch(pathOf(object), additions.patch);
  const manager = `--field-manager=${fieldManager}`;
  const args = ["apply", "--server-side", "--force-conflicts", manager, "-f", "-"];
  await server().kube.kubectl(args, { input: JSON.stringify(object) });
  return await read(object);
}

/** What we are known to have set, and when: changes with every apply that changes anything. */
const managedByUs = ({ metadata }: KubeObject): unknown => {
  const fields = valueAt(metadata, "managedFields");
  assert.ok(Array.isArray(fields));
  const ours = fields.filter((entry) => valueAt(entry, "manager") === fieldManager);
  assert.equal(ours.length, 1);
  return ours[0];
};

/** A KVCluster that no operator touches, with the children that are desired for it. */
async function childrenOf(name: string, spec: JsonObject): Promise<readonly KubeObject[]> {
  const answer = await server().create({ ...spec, paused: true }, name);
  assert.equal(answer.type, "accepted", JSON.stringify(answer));
  const decoded = decodeKVCluster((answer as { object: JsonObject }).object);
  assert.equal(decoded.type, "cluster", JSON.stringify(decoded));
  return desiredChildren(inputsFor((decoded as { cluster: DesiredInputs["cluster"] }).cluster));
}

const inputsFor = (cluster: DesiredInputs["cluster"]): DesiredInputs => ({
  cluster,
  image: "kvcluster/node:none",
  // No pods: there is no image and nobody to bootstrap them.
  replicas: 0,
  voters: 3,
  issuer: { type: "known", issuer: "https://api.example", jwks: '{"keys":[]}' },
  defaults: {
    image: "kvcluster/node:none",
    operatorNamespace: "kvcluster-system",
    operatorLabels: { "app.kubernetes.io/name": "kvcluster-operator" },
  },
  capabilities: { serviceMonitor: false, prometheusRule: false },
});

const specs: readonly (readonly [string, JsonObject])[] = [
  ["plain", {}],
  ["full", fullSpec],
];
const desired = new Map<string, readonly KubeObject[]>();
const childNamed = (kind: string, name: string): KubeObject => {
  const found = [...desired.values()]
    .flat()
    .find((child) => child.kind === kind && child.metadata.name === name);
  assert.ok(found !== undefined, `${kind}/${name}`);
  return found;
};

before(async () => {
  stage = await ApiServer.arrive("children");
  const restricted = "pod-security.kubernetes.io/enforce=restricted";
  await server().kube.kubectl(["label", "namespace", server().namespace, restricted]);
  for (const [name, spec] of specs) desired.set(name, await childrenOf(name, spec));
});

after(() => stage?.leave());

for (const [name] of specs) {
  test(`${name}: every child comes back as it was meant, and is then left alone`, async () => {
    for (const child of desired.get(name) ?? []) {
      const live = await apply(child);
      assert.equal(differsFrom(child, live), null, `${child.kind}/${child.metadata.name}`);
      assert.deepEqual(managedByUs(await apply(child)), managedByUs(live), child.kind);
    }
  });
}

test("what the API server may drop or change is there to the letter", async () => {
  for (const [name] of specs) {
    const policy = childNamed("NetworkPolicy", name);
    assert.deepEqual((await read(policy))["spec"], policy["spec"]);
    for (const kind of ["config", "access"]) {
      const map = childNamed("ConfigMap", `${name}-${kind}`);
      assert.deepEqual((await read(map))["data"], map["data"]);
    }
    const budget = childNamed("PodDisruptionBudget", name);
    assert.deepEqual((await read(budget))["spec"], budget["spec"]);
    const live = await read(childNamed("StatefulSet", name));
    assert.deepEqual(live.metadata.ownerReferences, policy.metadata.ownerReferences);
  }
});

/** What somebody did by hand: kind, name's ending, merge patch. */
const edits: readonly (readonly [string, string, object])[] = [
  ["StatefulSet", "", { spec: { replicas: 1 } }],
  ["StatefulSet", "", { spec: { updateStrategy: { type: "RollingUpdate" } } }],
  ["StatefulSet", "", { spec: { template: { spec: { automountServiceAccountToken: true } } } }],
  ["StatefulSet", "", { spec: { template: { metadata: { annotations: null } } } }],
  ["StatefulSet", "", { spec: { template: { spec: { topologySpreadConstraints: null } } } }],
  ["Service", "", { spec: { selector: { "app.kubernetes.io/name": "other" } } }],
  ["Service", "", { spec: { selector: { also: "this" } } }],
  ["PodDisruptionBudget", "", { spec: { selector: { matchLabels: { also: "this" } } } }],
  ["NetworkPolicy", "", { spec: { podSelector: { matchLabels: { also: "this" } } } }],
  ["Service", "-peers", { spec: { publishNotReadyAddresses: false } }],
  ["ConfigMap", "-config", { data: { "node.yaml": "name: x" } }],
  ["ConfigMap", "-access", { data: null }],
  ["PodDisruptionBudget", "", { spec: { maxUnavailable: 3 } }],
  ["NetworkPolicy", "", { spec: { ingress: [{}] } }],
  ["NetworkPolicy", "", { spec: { ingress: null } }],
  ["Service", "", { spec: { ports: [{ name: "http", port: 80, protocol: "TCP" }] } }],
  ["ServiceAccount", "", { automountServiceAccountToken: true }],
  ["ServiceAccount", "", { metadata: { labels: null } }],
  ["Service", "", { metadata: { ownerReferences: null } }],
];

test("a hand edit is found, named, and put right", async () => {
  for (const [kind, ending, edit] of edits) {
    const child = childNamed(kind, `plain${ending}`);
    await server().kube.patch(pathOf(child), edit);
    const edited = JSON.stringify(edit);
    const seen = await read(child);
    assert.notEqual(differsFrom(child, seen), null, `not found: ${kind} ${edited}`);
    const after = await apply(child, seen);
    assert.equal(differsFrom(child, after), null, `not put right: ${kind} ${edited}`);
  }
});

test("what is taken out of the intent goes from the live object too", async () => {
  const { metadata, ...service } = childNamed("Service", "full");
  const { team: _, ...labels } = metadata.labels ?? {};
  const annotations = { ...metadata.annotations, "kvcluster.io/intent": "changed" };
  const less = { ...service, metadata: { ...metadata, labels, annotations } };
  assert.notEqual(differsFrom(less, await read(less)), null);
  const live = await apply(less);
  assert.equal(differsFrom(less, live), null);
  assert.equal(live.metadata.labels?.["team"], undefined);
});

test("the pods are let in where pod security is restricted", async () => {
  for (const [name] of specs) {
    const template = valueAt(childNamed("StatefulSet", name), "spec", "template");
    const create = (pod: unknown): Promise<{ status: number; body: string }> =>
      server().kube.send(`/api/v1/namespaces/${server().namespace}/pods?dryRun=All`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(pod),
      });
    const spec = valueAt(template, "spec") as JsonObject;
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
