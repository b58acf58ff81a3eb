import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Caches } from "./caches.ts";
import { wireCluster } from "./kube-fixtures.test-kit.ts";
import {
  type Exchange,
  ManualClock,
  ScriptedApiServer,
  wireObject,
} from "./scripted-api-server.test-kit.ts";

const PLURALS = {
  kvclusters: "/apis/kvcluster.io/v1alpha1",
  pods: "/api/v1",
  persistentvolumeclaims: "/api/v1",
  statefulsets: "/apis/apps/v1",
  services: "/api/v1",
  configmaps: "/api/v1",
  poddisruptionbudgets: "/apis/policy/v1",
  networkpolicies: "/apis/networking.k8s.io/v1",
  serviceaccounts: "/api/v1",
} as const;
const DISCOVERY = "/apis/monitoring.coreos.com/v1";
const KEY = { namespace: "shop", name: "store" };

interface Bench {
  readonly server: ScriptedApiServer;
  readonly clock: ManualClock;
  readonly caches: Caches;
  /** Keys that were enqueued since last asked. */
  readonly changed: () => readonly string[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

async function start(t: TestContext, watchNamespaces: readonly string[] = []): Promise<Bench> {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const changes = new Set<string>();
  const caches = new Caches({
    ...{ connection: server.connect(clock), clock, random: () => 0.5, watchNamespaces },
    onChange: ({ namespace, name }) => changes.add(`${namespace}/${name}`),
  });
  const stop = new AbortController();
  const ended = caches.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
  });
  const changed = (): readonly string[] => {
    const keys = [...changes].sort();
    changes.clear();
    return keys;
  };
  return { server, clock, caches, changed, stop, ended };
}

const listAt =
  (path: string) =>
  (exchange: Exchange): boolean =>
    exchange.path === path && exchange.query("watch") === null;

const watchAt =
  (path: string) =>
  (exchange: Exchange): boolean =>
    exchange.path === path && exchange.query("watch") === "true";

const labelled = (name: string, labels: object): object => ({
  metadata: { ...Object(wireObject(name, "1")).metadata, labels },
});

const child = (name: string, cluster = "store"): object =>
  labelled(name, { "kvcluster.io/cluster": cluster, "app.kubernetes.io/instance": cluster });

type Items = Partial<Record<keyof typeof PLURALS, readonly object[]>>;

/** Answers every first list and the discovery; watches stay open. */
async function fill({ server }: Bench, items: Items = {}): Promise<void> {
  for (const [plural, root] of Object.entries(PLURALS)) {
    const list = await server.next(listAt(`${root}/${plural}`));
    const found = items[plural as keyof typeof PLURALS] ?? [];
    list.reply(200, { metadata: { resourceVersion: "10" }, items: found });
    (await server.next(watchAt(`${root}/${plural}`))).open();
  }
  (await server.next(listAt(DISCOVERY))).refuse(404, "NotFound");
}

/** Resolves when `isTrue`; each look lets what has arrived be handled. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

test("nothing has synced before every kind is listed and the optional ones known", async (t) => {
  const bench = await start(t);
  assert.equal(bench.caches.hasSynced, false);
  assert.equal(bench.caches.isFresh, false);
  const kinds = Object.entries(PLURALS);
  for (const [plural, root] of kinds) {
    const list = await bench.server.next(listAt(`${root}/${plural}`));
    assert.equal(bench.caches.hasSynced, false, plural);
    list.reply(200, { metadata: { resourceVersion: "1" }, items: [] });
    await bench.server.next(watchAt(`${root}/${plural}`));
  }
  assert.equal(bench.caches.hasSynced, false, "discovery is missing");
  (await bench.server.next(listAt(DISCOVERY))).refuse(404, "NotFound");
  await until(() => bench.caches.hasSynced);
  assert.equal(bench.caches.isFresh, true);
  assert.equal(bench.caches.reports().length, kinds.length);
});

test("each object is found under its cluster and only there", async (t) => {
  const bench = await start(t);
  await fill(bench, {
    kvclusters: [wireCluster()],
    pods: [child("store-0"), child("other-0", "other")],
    persistentvolumeclaims: [child("data-store-0")],
    statefulsets: [child("store"), child("other", "other")],
    services: [child("store-peers")],
  });
  await until(() => bench.caches.hasSynced);
  const names = (objects: readonly { metadata: { name: string } }[]): readonly string[] =>
    objects.map(({ metadata }) => metadata.name);
  assert.equal(bench.caches.cluster(KEY)?.metadata.uid, "uid-store");
  assert.deepEqual(names(bench.caches.podsOf(KEY)), ["store-0"]);
  assert.deepEqual(names(bench.caches.claimsOf(KEY)), ["data-store-0"]);
  assert.deepEqual(names(bench.caches.childrenOf(KEY)), ["store", "store-peers"]);
  assert.deepEqual(names(bench.caches.childrenOf({ namespace: "else", name: "store" })), []);
  assert.deepEqual(bench.changed(), ["shop/other", "shop/store"]);
});

test("children are selected by who manages them, pods and claims by what they are", async (t) => {
  const bench = await start(t);
  const selectors = await Promise.all(
    Object.entries(PLURALS).map(async ([plural, root]) => {
      const list = await bench.server.next(listAt(`${root}/${plural}`));
      return [plural, list.query("labelSelector")];
    }),
  );
  const { kvclusters, pods, persistentvolumeclaims, ...children } = Object.fromEntries(selectors);
  assert.equal(kvclusters, null);
  assert.equal(pods, "app.kubernetes.io/name=kvcluster");
  assert.equal(persistentvolumeclaims, "app.kubernetes.io/name=kvcluster");
  for (const selector of Object.values(children)) {
    assert.equal(selector, "app.kubernetes.io/managed-by=kvcluster-operator");
  }
});

test("with namespaces listed, only those are read, each by itself", async (t) => {
  const bench = await start(t, ["red", "blue"]);
  for (const namespace of ["red", "blue"]) {
    await bench.server.next(listAt(`/api/v1/namespaces/${namespace}/pods`));
  }
  const paths = new Set<string>();
  for (let i = 0; i < 2 * (Object.keys(PLURALS).length - 1); i++) {
    paths.add((await bench.server.next(({ path }) => path !== DISCOVERY)).path);
  }
  assert.ok([...paths].every((path) => /\/namespaces\/(red|blue)\//.test(path)));
});

test("a child that changes hands means both clusters", async (t) => {
  const bench = await start(t);
  await fill(bench);
  bench.changed();
  const again = wireObject("x", "2");
  const labels = { "kvcluster.io/cluster": "other" };
  const watch = await reopened(bench, "configmaps");
  watch.send("ADDED", child("x"));
  watch.send("MODIFIED", { metadata: { ...Object(again).metadata, labels } });
  const seen = new Set<string>();
  await until(() => {
    for (const key of bench.changed()) seen.add(key);
    return seen.size === 2;
  });
  assert.deepEqual([...seen].sort(), ["shop/other", "shop/store"]);
});

test("a KVCluster of which only the status is new is kept, and starts no pass", async (t) => {
  const bench = await start(t);
  await fill(bench, { kvclusters: [wireCluster("10")] });
  await until(() => bench.caches.hasSynced);
  const watch = await reopened(bench, "kvclusters");
  bench.changed();
  let version = 10;
  const change = async (metadata: object, more: object = {}): Promise<readonly string[]> => {
    version += 1;
    const resourceVersion = String(version);
    const before = Object(wireCluster());
    watch.send("MODIFIED", {
      ...{ ...before, ...more },
      metadata: { ...before.metadata, ...metadata, resourceVersion },
    });
    await until(() => bench.caches.cluster(KEY)?.metadata.resourceVersion === resourceVersion);
    return bench.changed();
  };
  assert.deepEqual(await change({}, { status: { clusterId: "c1" } }), []);
  const labels = { team: "shop" };
  const news = [
    { labels },
    { labels, annotations: { a: "b" } },
    { labels, annotations: { a: "b" }, generation: 2 },
    { labels, annotations: { a: "b" }, generation: 2, deletionTimestamp: "2026-01-02T00:00:00Z" },
    { uid: "uid-of-another" },
  ];
  for (const metadata of news) {
    assert.deepEqual(await change(metadata), ["shop/store"], JSON.stringify(metadata));
  }
});

/** A watch that the test holds: silence makes the reflectors open new ones. */
async function reopened(bench: Bench, plural: keyof typeof PLURALS): Promise<Exchange> {
  await until(() => bench.clock.waiting.filter((ms) => ms === 150_000).length === 9);
  bench.clock.advance(150_000);
  await until(() => bench.clock.waiting.filter((ms) => ms === 800).length === 9);
  bench.clock.advance(800);
  const watch = await bench.server.next(watchAt(`${PLURALS[plural]}/${plural}`));
  watch.open();
  return watch;
}

const monitors = { resources: [{ name: "servicemonitors", kind: "ServiceMonitor" }] };

test("prometheus-operator's kinds are noticed when they appear and when they go", async (t) => {
  const bench = await start(t);
  await fill(bench, { kvclusters: [wireCluster()] });
  await until(() => bench.caches.hasSynced);
  assert.deepEqual(bench.caches.capabilities, { serviceMonitor: false, prometheusRule: false });
  bench.changed();
  await bench.clock.timer(60_000);
  bench.clock.advance(60_000);
  (await bench.server.next(listAt(DISCOVERY))).reply(200, monitors);
  const list = await bench.server.next(listAt(`${DISCOVERY}/servicemonitors`));
  assert.equal(bench.caches.capabilities.serviceMonitor, false, "its objects are not known yet");
  list.reply(200, { metadata: { resourceVersion: "5" }, items: [child("store")] });
  await until(() => bench.caches.capabilities.serviceMonitor);
  assert.deepEqual(bench.changed(), ["shop/store"]);
  assert.deepEqual(bench.caches.capabilities, { serviceMonitor: true, prometheusRule: false });
  assert.equal(bench.caches.childrenOf(KEY)[0]?.kind, "ServiceMonitor");
  const watch = await bench.server.next(watchAt(`${DISCOVERY}/servicemonitors`));
  watch.open();
  watch.send("ADDED", child("another"));
  await until(() => bench.caches.childrenOf(KEY).length === 2);
  await bench.clock.timer(60_000);
  bench.clock.advance(60_000);
  (await bench.server.next(listAt(DISCOVERY))).refuse(404, "NotFound");
  await watch.closed();
  assert.deepEqual(bench.caches.capabilities, { serviceMonitor: false, prometheusRule: false });
  assert.deepEqual(bench.caches.childrenOf(KEY), []);
});

test("when the API server does not tell what it serves, all stays as it was", async (t) => {
  const bench = await start(t);
  await fill(bench);
  await bench.clock.timer(60_000);
  bench.clock.advance(60_000);
  (await bench.server.next(listAt(DISCOVERY))).reply(200, monitors);
  const list = await bench.server.next(listAt(`${DISCOVERY}/servicemonitors`));
  list.reply(200, { metadata: { resourceVersion: "5" }, items: [] });
  await until(() => bench.caches.capabilities.serviceMonitor);
  await bench.clock.timer(60_000);
  bench.clock.advance(60_000);
  (await bench.server.next(listAt(DISCOVERY))).refuse(403, "Forbidden");
  await bench.clock.timer(60_000);
  assert.equal(bench.caches.capabilities.serviceMonitor, true);
});

test("five minutes without contact are too long", async (t) => {
  const bench = await start(t);
  await fill(bench);
  await until(() => bench.caches.hasSynced);
  assert.equal(bench.caches.isFresh, true);
  bench.clock.advance(300_000);
  assert.equal(bench.caches.isFresh, false);
  assert.equal(bench.caches.hasSynced, true);
});

test("stopping ends every watch and leaves no timer", async (t) => {
  const bench = await start(t);
  await fill(bench);
  bench.stop.abort();
  await bench.ended;
  assert.deepEqual(bench.clock.waiting, []);
});
