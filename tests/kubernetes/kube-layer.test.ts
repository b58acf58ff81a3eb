/**
 * The operator's way to the API server, on a real one: what is applied arrives whole, the status
 * subresource and Secrets keep their promises, watches and the Lease do what they are for.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import {
  Caches,
  checkCrd,
  createKubePort,
  EventRecorder,
  isKubeError,
  KubeConnection,
  LeaseElector,
  loadKubeConfig,
  systemClock,
  TokenIssuer,
} from "../../operator/src/kube/index.ts";
import { childLabels, type KubeObject, type KVCluster } from "../../operator/src/model/index.ts";
import type { KubePort } from "../../operator/src/reconcile/index.ts";
import { becomes, NotYet } from "../e2e/kubernetes/waiting.test-kit.ts";
import { ApiServer } from "./api-server.test-kit.ts";
import { CuttableLink } from "./cuttable-link.test-kit.ts";

let server: ApiServer;
const life = new AbortController();
const running: Promise<void>[] = [];
const changed = new Set<string>();
let connection: KubeConnection;
let caches: Caches;
let issuer: TokenIssuer;
let port: KubePort;

before(async () => {
  server = await ApiServer.arrive("kube");
  const config = loadKubeConfig(process.env);
  connection = new KubeConnection({ config, clock: systemClock, random: Math.random });
  const parts = { connection, clock: systemClock, random: Math.random };
  caches = new Caches({
    ...parts,
    watchNamespaces: [server.namespace],
    onChange: ({ name }) => changed.add(name),
  });
  issuer = new TokenIssuer({ ...parts, onChange: () => undefined });
  const events = new EventRecorder({ ...parts, instance: "test" });
  port = createKubePort({ connection, caches, issuer, events });
  running.push(caches.run(life.signal), issuer.run(life.signal));
  await caches.waitForSync(life.signal);
});

after(async () => {
  life.abort();
  await Promise.all(running);
  await server.leave();
});

/** A KVCluster that the watch has brought. */
async function clusterNamed(name: string): Promise<KVCluster> {
  const made = await server.create({ storage: { size: "1Gi" } }, name);
  assert.equal(made.type, "accepted", JSON.stringify(made));
  return await becomes(
    `KVCluster ${name} is cached`,
    async () => (await port.cluster({ namespace: server.namespace, name })) ?? new NotYet("absent"),
    { withinMs: 10_000, everyMs: 20 },
  );
}

const child = (cluster: KVCluster, rest: object): KubeObject => {
  const { namespace, name } = cluster.metadata;
  const head = { metadata: { namespace, name, labels: childLabels(name) } };
  return { ...head, ...rest } as KubeObject;
};

async function read(path: string): Promise<Record<string, unknown>> {
  return (await connection.request({ method: "GET", path })) as Record<string, unknown>;
}

/** Every field of `intent` is in `live`, with its value; lists have the same length. */
function assertHolds(live: unknown, intent: unknown, path = ""): void {
  if (Array.isArray(intent)) {
    assert.ok(Array.isArray(live) && live.length === intent.length, `${path}: ${live}`);
    for (const [i, part] of intent.entries()) assertHolds(live[i], part, `${path}[${i}]`);
  } else if (typeof intent === "object" && intent !== null) {
    for (const [key, part] of Object.entries(intent)) {
      assertHolds(Object(live)[key], part, `${path}.${key}`);
    }
  } else assert.equal(live, intent, path);
}

test("a NetworkPolicy arrives with its `from`: it does not let everyone in", async () => {
  const cluster = await clusterNamed("policy");
  const object = child(cluster, {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    spec: {
      podSelector: { matchLabels: { app: "x" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            { podSelector: { matchExpressions: [{ key: "a", operator: "Exists" }] } },
            { namespaceSelector: { matchLabels: { team: "red" } } },
            { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } },
          ],
          ports: [{ port: 5000, endPort: 5100, protocol: "TCP" }],
        },
      ],
    },
  });
  await port.execute(cluster, { type: "apply", object, why: "created" });
  const { namespace, name } = cluster.metadata;
  const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/${name}`;
  assertHolds(await read(path), object);
});

/** Fields that client models learn years late, or that no model has at all. */
const statefulSetSpec = {
  replicas: 0,
  serviceName: "set",
  ordinals: { start: 0 },
  persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
  selector: { matchLabels: { app: "set" } },
  template: {
    metadata: { labels: { app: "set" } },
    spec: {
      hostUsers: true,
      securityContext: {
        fsGroupChangePolicy: "OnRootMismatch",
        supplementalGroupsPolicy: "Strict",
      },
      topologySpreadConstraints: [
        {
          ...{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" },
          matchLabelKeys: ["controller-revision-hash"],
          labelSelector: { matchLabels: { app: "set" } },
        },
      ],
      containers: [
        {
          name: "node",
          image: "docker.io/library/busybox:1",
          resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }],
          lifecycle: { preStop: { sleep: { seconds: 1 } } },
        },
      ],
    },
  },
};

test("a StatefulSet arrives whole, is watched, and a field taken out goes", async () => {
  const cluster = await clusterNamed("set");
  const { namespace, name } = cluster.metadata;
  const kind = { apiVersion: "apps/v1", kind: "StatefulSet" };
  const object = child(cluster, { ...kind, spec: statefulSetSpec });
  await port.execute(cluster, { type: "apply", object, why: "created" });
  const path = `/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}`;
  assertHolds(await read(path), object);
  const view = await becomes(
    "the StatefulSet is cached",
    async () => {
      const seen = await port.look(cluster);
      return seen.statefulSet === null ? new NotYet("absent") : seen;
    },
    { withinMs: 10_000, everyMs: 20 },
  );
  assertHolds(view.children.get(`StatefulSet/${name}`), object);
  const { ordinals: _, ...less } = statefulSetSpec;
  const fewer = child(cluster, { ...kind, spec: less });
  await port.execute(cluster, { type: "apply", object: fewer, why: "changed" });
  assert.equal(Object((await read(path))["spec"]).ordinals, undefined);
  const fresh = await port.look(cluster, "fresh");
  assert.equal(fresh.statefulSet?.image, "docker.io/library/busybox:1");
});

test("an orphaned StatefulSet goes and a younger one of its name is not deleted", async () => {
  const cluster = await clusterNamed("orphan");
  const spec = { ...statefulSetSpec, ordinals: undefined };
  const object = child(cluster, { apiVersion: "apps/v1", kind: "StatefulSet", spec });
  await port.execute(cluster, { type: "apply", object, why: "created" });
  const { statefulSet } = await port.look(cluster, "fresh");
  assert.ok(statefulSet !== null);
  const other = { type: "orphanStatefulSet", uid: randomUUID(), why: "" } as const;
  await assert.rejects(port.execute(cluster, other), { code: "conflict" });
  await port.execute(cluster, { ...other, uid: statefulSet.uid });
  await becomes(
    "the StatefulSet is gone",
    async () => ((await port.look(cluster, "fresh")).statefulSet ? new NotYet("there") : true),
    { withinMs: 30_000 },
  );
  await port.execute(cluster, { ...other, uid: statefulSet.uid });
});

test("status goes to its subresource, whole, and only on the newest version", async () => {
  const cluster = await clusterNamed("status");
  await port.writeStatus(cluster, { clusterId: "c1", leader: "status-0" });
  const written = await port.cluster(cluster.metadata);
  assert.deepEqual(written?.status, { clusterId: "c1", leader: "status-0" });
  await port.writeStatus(cluster, { clusterId: "c1" });
  const fresh = await port.cluster(cluster.metadata, "fresh");
  assert.deepEqual(fresh?.status, { clusterId: "c1" }, "a field that is left out goes");
  assert.deepEqual(fresh.spec, cluster.spec);
  const old = { ...cluster, metadata: { ...cluster.metadata } };
  await assert.rejects(port.writeStatus(old, { leader: "x" }), { code: "conflict" });
  const path = server.pathOf("status");
  await connection.request({ method: "DELETE", path });
  await assert.rejects(port.writeStatus(fresh, { leader: "x" }), { code: "notFound" });
  await server.create({ storage: { size: "1Gi" } }, "status");
  await assert.rejects(port.writeStatus(fresh, { leader: "x" }), { code: "conflict" });
});

test("a Secret is made once, can be used by nodes, and is never overwritten", async () => {
  const cluster = await clusterNamed("secret");
  for (const [suffix, contents] of [
    ["auth", "jwtSecret"],
    ["keyring", "keyRing"],
    ["peer", "peerSecret"],
  ] as const) {
    const labels = childLabels("secret");
    const name = `secret-${suffix}`;
    const action = { type: "createSecret", name, contents, labels, isOwned: false } as const;
    await port.execute(cluster, action);
    const path = `/api/v1/namespaces/${server.namespace}/secrets/${name}`;
    const before = await read(path);
    await port.execute(cluster, action);
    assert.deepEqual(await read(path), before);
  }
  const { secrets } = await port.look(cluster);
  assert.deepEqual([...secrets.keys()].sort(), ["secret-auth", "secret-keyring", "secret-peer"]);
  for (const secret of secrets.values()) assert.equal(secret.fault, null, secret.name);
  assert.equal((await port.adminSecret(cluster))?.length, 64);
  const own = { type: "setOwned", kind: "Secret", name: "secret-auth", isOwned: true } as const;
  const isOwned = async (): Promise<boolean | undefined> =>
    (await port.look(cluster)).secrets.get("secret-auth")?.isOwned;
  await port.execute(cluster, own);
  assert.equal(await isOwned(), true);
  await port.execute(cluster, { ...own, isOwned: false });
  assert.equal(await isOwned(), false);
});

test("an Event is on the KVCluster, and the same again is one series", async () => {
  const cluster = await clusterNamed("event");
  const event = { type: "Normal", reason: "Tested", note: "1 of 1" } as const;
  await port.recordEvent(cluster, event);
  const parts = { connection, clock: systemClock };
  const restarted = new EventRecorder({ ...parts, instance: "test-2" });
  await restarted.record(cluster, event);
  const told = await read(`/apis/events.k8s.io/v1/namespaces/${server.namespace}/events`);
  const ours = (
    told["items"] as { regarding: { uid: string }; series?: { count: number } }[]
  ).filter(({ regarding }) => regarding.uid === cluster.metadata.uid);
  assert.deepEqual(
    ours.map(({ series }) => series?.count),
    [2],
  );
});

test("the token issuer and its keys are read, and the CRD is ours", async () => {
  const view = await becomes(
    "the issuer is known",
    async () => (issuer.view.type === "known" ? issuer.view : new NotYet(issuer.view.why)),
    { withinMs: 10_000, everyMs: 20 },
  );
  assert.match(view.issuer, /^https:/);
  assert.ok(Object(JSON.parse(view.jwks)).keys.length > 0);
  assert.equal(await checkCrd(connection), null);
});

test("a watch brings changes and deletions within a moment", async () => {
  const cluster = await clusterNamed("watched");
  changed.clear();
  const { namespace, name } = cluster.metadata;
  await server.patch(name, { spec: { logLevel: "debug" } });
  const seen = await becomes(
    "the change is cached",
    async () => {
      const now = await port.cluster(cluster.metadata);
      return now?.spec.logLevel === "debug" ? now : new NotYet(`${now?.spec.logLevel}`);
    },
    { withinMs: 5000, everyMs: 10 },
  );
  assert.equal(seen.metadata.generation, cluster.metadata.generation + 1);
  assert.ok(changed.has(name));
  await connection.request({ method: "DELETE", path: server.pathOf(name) });
  await becomes(
    "the deletion is cached",
    async () => ((await port.cluster({ namespace, name })) === null ? true : new NotYet("there")),
    { withinMs: 5000, everyMs: 10 },
  );
});

test("watches whose connections are cut go on, and miss nothing", async (t) => {
  const cluster = await clusterNamed("cut");
  const config = loadKubeConfig(process.env);
  const link = await CuttableLink.lay(config.getCurrentCluster()?.server ?? "");
  const stop = new AbortController();
  const parts = { clock: systemClock, random: Math.random };
  const again: string[] = [];
  const own = new Caches({
    ...parts,
    connection: new KubeConnection({ ...parts, config: link.configure(config) }),
    watchNamespaces: [server.namespace],
    onChange: () => undefined,
    hooks: { onListed: (kind, reason) => reason === "start" || again.push(kind) },
  });
  const ended = own.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
    link.remove();
  });
  await own.waitForSync(stop.signal);
  const kinds = own.reports().length;
  for (const logLevel of ["debug", "warn"]) {
    await becomes(
      "every kind is watched",
      async () => (link.open >= kinds ? true : new NotYet(`${link.open} of ${kinds}`)),
      { withinMs: 60_000, everyMs: 50 },
    );
    link.cut();
    await server.patch("cut", { spec: { logLevel } });
    await becomes(
      `logLevel ${logLevel} is cached`,
      async () => {
        const spec = own.cluster(cluster.metadata)?.["spec"];
        return Object(spec).logLevel === logLevel ? true : new NotYet(JSON.stringify(spec));
      },
      { withinMs: 15_000, everyMs: 20 },
    );
  }
  assert.deepEqual(again, [], "nothing was listed anew");
});

test("of two candidates one leads, and the other follows when it stops", async () => {
  const lease = { namespace: server.namespace, name: "election" };
  const leading: string[] = [];
  const candidate = (identity: string): { stop: AbortController; end: Promise<string> } => {
    const stop = new AbortController();
    const parts = { connection, clock: systemClock, random: Math.random, lease, identity };
    const end = new LeaseElector(parts).run(stop.signal, async (signal) => {
      leading.push(identity);
      if (signal.aborted) return;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    });
    return { stop, end };
  };
  const isLed = (count: number) => async () =>
    leading.length === count ? true : new NotYet(leading.join());
  const both = [candidate("one"), candidate("two")];
  await becomes("somebody leads", isLed(1), { withinMs: 10_000, everyMs: 20 });
  const [first] = leading;
  const [one, two] = first === "one" ? both : both.toReversed();
  one?.stop.abort();
  assert.equal(await one?.end, "stopped");
  await becomes("the other leads", isLed(2), { withinMs: 10_000, everyMs: 20 });
  assert.notEqual(leading[0], leading[1]);
  two?.stop.abort();
  assert.equal(await two?.end, "stopped");
  const path = `/apis/coordination.k8s.io/v1/namespaces/${lease.namespace}/leases/election`;
  const { spec } = await read(path);
  assert.equal(Object(spec).holderIdentity ?? "", "");
});

test("what is not there or not allowed has its code", async () => {
  const missing = "/api/v1/namespaces/default/pods/no-such-pod";
  const failed = await read(missing).catch((error: unknown) => error);
  assert.ok(isKubeError(failed, "notFound"), String(failed));
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "UPPER" } };
  const path = `/api/v1/namespaces/${server.namespace}/configmaps`;
  await assert.rejects(connection.request({ method: "POST", path, body }), { code: "invalid" });
});
