/**
 * The rights that the chart gives are those that the operator uses: fewer and something is refused,
 * more and one is never used. The operator's own parts work here on a real API server, as its
 * account, with every kind of action; only the store is missing, which needs no rights.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import {
  Caches,
  checkCrd,
  createKubePort,
  EventRecorder,
  KubeConnection,
  LeaseElector,
  systemClock,
  TokenIssuer,
} from "../../operator/src/kube/index.ts";
import { type KubeAction, plan } from "../../operator/src/model/index.ts";
import {
  type KubePort,
  type MembersPort,
  type ReconcileParts,
  reconcile,
} from "../../operator/src/reconcile/index.ts";
import { reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";
import { becomes, NotYet } from "../e2e/kubernetes/waiting.test-kit.ts";
import { exists, isServed, kubectl, renderRights, root } from "./helm.test-kit.ts";
import { RecordedRights, type Right } from "./recorded-rights.test-kit.ts";

const namespace = `kvcluster-rights-${process.pid}`;
const key = { namespace, name: "store" };
const release = "trial-kvcluster-operator";
const account = `system:serviceaccount:${namespace}:${release}`;
const definitionFile = join(root, "crds/kvclusters.kvcluster.io.yaml");
const monitoring = ["servicemonitors", "prometheusrules"] as const;
const life = new AbortController();
/** What was not there before. */
const ours: string[] = [];
let rights: RecordedRights;
let port: KubePort;
let caches: Caches;
let events: EventRecorder;
let connection: KubeConnection;

/** As much of prometheus-operator's definitions as it takes to be served. */
const monitoringDefinition = (plural: (typeof monitoring)[number]): string => {
  const kind = plural === "servicemonitors" ? "ServiceMonitor" : "PrometheusRule";
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const version = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: open } };
  return JSON.stringify({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: "monitoring.coreos.com",
      names: { kind, plural },
      scope: "Namespaced",
      versions: [version],
    },
  });
};

async function provide(definition: string, name: string): Promise<void> {
  if (await exists(["crd", name])) return;
  await kubectl(["apply", "--server-side", "-f", "-"], definition);
  ours.push(name);
  await isServed(name);
}

/** The chart's accounts, roles and bindings for one namespace. */
async function provideRights(): Promise<readonly Right[]> {
  const roles = await renderRights(namespace, [`watchNamespaces={${namespace}}`]);
  const list = { apiVersion: "v1", kind: "List", items: roles };
  await kubectl(["apply", "-f", "-"], JSON.stringify(list));
  const rules = roles.flatMap((role) => role.rules ?? []);
  return rules.flatMap(({ apiGroups: [group], resources: [resource], verbs }) =>
    verbs.map((verb) => `${verb} ${group}/${resource}`),
  );
}

let granted: readonly Right[] = [];

before(async () => {
  await reachKubernetes();
  await kubectl(["create", "namespace", namespace]);
  await provide(readFileSync(definitionFile, "utf8"), "kvclusters.kvcluster.io");
  for (const plural of monitoring) {
    await provide(monitoringDefinition(plural), `${plural}.monitoring.coreos.com`);
  }
  granted = await provideRights();
  rights = await RecordedRights.start(account);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "api", server: rights.url, skipTLSVerify: true },
    {
      name: "operator",
    },
  );
  const parts = { clock: systemClock, random: Math.random };
  connection = new KubeConnection({ config, ...parts });
  const watchNamespaces = [namespace];
  caches = new Caches({ connection, ...parts, watchNamespaces, onChange: () => undefined });
  events = new EventRecorder({ connection, clock: systemClock, instance: "test" });
  const issuer = new TokenIssuer({ connection, clock: systemClock, onChange: () => undefined });
  await issuer.refresh(life.signal);
  assert.equal(issuer.view.type, "known", JSON.stringify(issuer.view));
  port = createKubePort({ connection, caches, issuer, events });
  caches.run(life.signal).catch((error: unknown) => assert.fail(String(error)));
});

after(async () => {
  life.abort();
  rights.close();
  await kubectl(["delete", "namespace", namespace, "--timeout=120s"]);
  const cluster = `${namespace}-${release}`;
  await kubectl(["delete", "clusterrole,clusterrolebinding", cluster, "--ignore-not-found"]);
  for (const name of ours) await kubectl(["delete", "crd", name, "--timeout=60s"]);
});

/** A store that never answers. */
const silent: MembersPort = {
  survey: async (_, pods) =>
    pods.map(({ name }) => ({ pod: name, type: "unreachable", why: "nobody is there" })),
  execute: async () => assert.fail("a store that does not answer is asked for nothing"),
  confirmMembers: async () => new Set(),
  forget: () => undefined,
};

async function applyCluster(spec: object): Promise<void> {
  const kind = { apiVersion: "kvcluster.io/v1alpha1", kind: "KVCluster" };
  const object = { ...kind, metadata: { name: key.name }, spec };
  await kubectl(["apply", "-n", namespace, "-f", "-"], JSON.stringify(object));
}

/** Passes until one has nothing more to do to Kubernetes' objects. */
async function settle(): Promise<void> {
  const defaults = { image: "kvcluster/none:0", operatorNamespace: namespace, operatorLabels: {} };
  const parts: ReconcileParts = {
    ...{ kube: port, members: silent, plan, defaults },
    clock: { now: Date.now },
  };
  await becomes(
    "the objects are as the spec wants them",
    async () => {
      const result = await reconcile(parts, key);
      assert.equal(result.type, "reconciled");
      assert.ok(result.type === "reconciled");
      const refused = result.failures.filter(({ code }) => code === "forbidden");
      assert.deepEqual(refused, []);
      return result.done.length + result.failures.length === 0 || new NotYet(result.done.join());
    },
    { withinMs: 60_000 },
  );
}

async function act(...actions: readonly KubeAction[]): Promise<void> {
  const cluster = await port.cluster(key, "fresh");
  assert.ok(cluster !== null);
  for (const action of actions) await port.execute(cluster, action);
}

const uidOf = (what: string): Promise<string> =>
  kubectl(["get", what, "-n", namespace, "-o", "jsonpath={.metadata.uid}"]);

const holds = (what: string, check: () => Promise<boolean>): Promise<unknown> =>
  becomes(what, async () => (await check()) || new NotYet("no"), { withinMs: 90_000 });

/** Everything that can be switched on and off. */
const switched = (enabled: boolean): object => ({
  replicas: 1,
  networkPolicy: { enabled },
  monitoring: {
    serviceMonitor: { enabled },
    prometheusRule: { enabled },
    dashboard: { enabled },
  },
});

test("the operator's parts work with the chart's rights", { timeout: 300_000 }, async () => {
  assert.equal(await checkCrd(connection), null);
  await caches.waitForSync(AbortSignal.timeout(30_000));
  await holds("prometheus-operator is known", async () => {
    const { prometheusRule, serviceMonitor } = caches.capabilities;
    return prometheusRule && serviceMonitor;
  });
  await applyCluster(switched(true));
  await holds("the cluster is seen", async () => (await port.cluster(key)) !== null);
  await settle();
  const told = { type: "Normal", reason: "Scaling", note: "from 1 to 3" } as const;
  const cluster = await port.cluster(key, "fresh");
  assert.ok(cluster !== null);
  await port.recordEvent(cluster, told);
  // Another process tells the same, and counts.
  const restarted = new EventRecorder({ connection, clock: systemClock, instance: "other" });
  await restarted.record(cluster, told);

  await applyCluster({ ...switched(false), podTemplate: { labels: { a: "b" } } });
  await holds("the change is seen", async () => {
    const seen = await port.cluster(key);
    return seen?.spec.networkPolicy.enabled === false;
  });
  await settle();
  await port.look(cluster, "fresh");
});

test("so do the actions that only a store gives cause for", { timeout: 120_000 }, async () => {
  const claim = "data-store-0";
  await holds("there is a claim", () => exists(["pvc", claim, "-n", namespace]));
  const headless = { kind: "Service", apiVersion: "v1" };
  const why = "test";
  const evicted = await uidOf("pod/store-0");
  await act({ type: "evictPod", pod: "store-0", uid: evicted, why });
  await holds("it is made anew", async () => (await uidOf("pod/store-0")) !== evicted);
  await act(
    { type: "setOwned", kind: "PersistentVolumeClaim", name: claim, isOwned: true },
    { type: "setOwned", kind: "Secret", name: "store-auth", isOwned: true },
    { type: "orphanStatefulSet", uid: await uidOf("statefulset/store"), why },
  );
  // One that is being made anew has another uid a moment later.
  await holds("the pod is deleted", async () => {
    await act({
      type: "deletePod",
      pod: "store-0",
      uid: await uidOf("pod/store-0"),
      force: true,
      why,
    });
    return true;
  });
  const uid = await uidOf("service/store-peers");
  const metadata = { namespace, name: "store-peers", uid };
  await act(
    { type: "deleteChild", object: { ...headless, metadata }, why },
    { type: "deleteClaim", claim, uid: await uidOf(`pvc/${claim}`), member: "store-0", why },
  );
});

test("the Lease can be taken, renewed and given back", { timeout: 60_000 }, async () => {
  const lease = { namespace, name: release };
  const parts = { connection, clock: systemClock, random: Math.random, lease };
  for (const identity of ["first", "second"]) {
    const elector = new LeaseElector({ ...parts, identity });
    const stop = new AbortController();
    await elector.run(stop.signal, async () => stop.abort());
  }
  const transitions = ["get", "lease", release, "-n", namespace, "-o"];
  assert.equal(await kubectl([...transitions, "jsonpath={.spec.leaseTransitions}"]), "1");
});

test("nothing was refused, and every right that the chart gives was used", () => {
  assert.deepEqual([...rights.refused], []);
  assert.deepEqual([...rights.used].sort(), [...new Set(granted)].sort());
});
