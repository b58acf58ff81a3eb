import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { KubeAction } from "../model/index.ts";
import type { KubePort } from "../reconcile/index.ts";
import { Caches } from "./caches.ts";
import { EventRecorder } from "./event-recorder.ts";
import { base64, clusterUid, clusterWith, wireCluster } from "./kube-fixtures.test-kit.ts";
import { createKubePort } from "./kube-port.ts";
import { OwnWrites } from "./own-writes.ts";
import {
  type Exchange,
  ManualClock,
  ScriptedApiServer,
  wireObject,
} from "./scripted-api-server.test-kit.ts";
import { TokenIssuer } from "./token-issuer.ts";

const KEY = { namespace: "shop", name: "store" };
const SHOP = "namespaces/shop";
const CLUSTER = `/apis/kvcluster.io/v1alpha1/${SHOP}/kvclusters/store`;
const cluster = clusterWith();

interface Bench {
  readonly server: ScriptedApiServer;
  readonly port: KubePort;
  readonly caches: Caches;
}

async function start(t: TestContext): Promise<Bench> {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const connection = server.connect(clock);
  const onChange = (): void => undefined;
  const parts = { connection, clock, random: () => 0.5, onChange };
  const caches = new Caches({ ...parts, watchNamespaces: [] });
  const issuer = new TokenIssuer(parts);
  const events = new EventRecorder({ connection, clock, instance: "me" });
  return { server, caches, port: createKubePort({ connection, caches, issuer, events }) };
}

/** The one request that an action makes. */
async function requestOf(bench: Bench, action: KubeAction, answer: object): Promise<Exchange> {
  const done = bench.port.execute(cluster, action);
  const request = await bench.server.next();
  request.reply(200, answer);
  await done;
  return request;
}

const wireStatefulSet = wireObject("store", "1");

test("an intent is applied whole, by force, under our field manager", async (t) => {
  const bench = await start(t);
  const object = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace: "shop", name: "store" },
    spec: { ingress: [{ from: [{ podSelector: {} }], unheardOf: 1 }] },
  };
  const action = { type: "apply", object, why: "created" } as const;
  const request = await requestOf(bench, action, wireStatefulSet);
  assert.equal(request.method, "PATCH");
  assert.equal(request.path, `/apis/networking.k8s.io/v1/${SHOP}/networkpolicies/store`);
  assert.equal(request.url.search, "?fieldManager=kvcluster-operator&force=true");
  assert.equal(request.headers["content-type"], "application/apply-patch+yaml");
  assert.deepEqual(request.json(), object);
});

test("what others added is patched away before the intent is applied", async (t) => {
  const bench = await start(t);
  const object = { apiVersion: "v1", kind: "Service", metadata: { ...KEY, name: "store" } };
  const overwrite = { spec: { selector: null } };
  const done = bench.port.execute(cluster, { type: "apply", object, overwrite, why: "edited" });
  const patch = await bench.server.next();
  assert.equal(patch.headers["content-type"], "application/merge-patch+json");
  assert.deepEqual(patch.json(), overwrite);
  patch.reply(200, {});
  const apply = await bench.server.next();
  assert.equal(apply.headers["content-type"], "application/apply-patch+yaml");
  apply.reply(200, wireStatefulSet);
  await done;
});

test("every deletion names the uid that was seen", async (t) => {
  const bench = await start(t);
  const pdb = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { namespace: "shop", name: "store", uid: "u1" },
  };
  const pod = { type: "deletePod", pod: "store-1", uid: "u1", why: "" } as const;
  const claim = { type: "deleteClaim", claim: "data-store-1", uid: "u1", why: "" } as const;
  const cases: readonly (readonly [KubeAction, string, object])[] = [
    [
      { type: "deleteChild", object: pdb, why: "" },
      "/apis/policy/v1/_/poddisruptionbudgets/store",
      {},
    ],
    [
      { type: "orphanStatefulSet", uid: "u1", why: "" },
      "/apis/apps/v1/_/statefulsets/store",
      { propagationPolicy: "Orphan" },
    ],
    [{ ...pod, force: false }, "/api/v1/_/pods/store-1", {}],
    [{ ...pod, force: true }, "/api/v1/_/pods/store-1", { gracePeriodSeconds: 0 }],
    [{ ...claim, member: "store-1" }, "/api/v1/_/persistentvolumeclaims/data-store-1", {}],
  ];
  for (const [action, path, more] of cases) {
    const request = await requestOf(bench, action, {});
    assert.equal(request.method, "DELETE");
    assert.equal(request.path, path.replace("_", SHOP));
    assert.deepEqual(request.json(), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid: "u1" },
      propagationPolicy: "Background",
      ...more,
    });
  }
});

test("what is gone already was deleted, what has another uid was not", async (t) => {
  const bench = await start(t);
  const action = { type: "deletePod", pod: "store-1", uid: "u1", force: false, why: "" } as const;
  const gone = bench.port.execute(cluster, action);
  (await bench.server.next()).refuse(404, "NotFound");
  await gone;
  const younger = bench.port.execute(cluster, action);
  const refused = assert.rejects(younger, { name: "KubeError", code: "conflict" });
  (await bench.server.next()).refuse(409, "Conflict");
  await refused;
});

test("an eviction names the uid that was seen; a budget that refuses is told once", async (t) => {
  const bench = await start(t);
  const action = { type: "evictPod", pod: "store-1", uid: "u1", why: "" } as const;
  const request = await requestOf(bench, action, {});
  assert.deepEqual(
    [request.method, request.path],
    ["POST", `/api/v1/${SHOP}/pods/store-1/eviction`],
  );
  assert.deepEqual(request.json(), {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { namespace: "shop", name: "store-1" },
    deleteOptions: { preconditions: { uid: "u1" } },
  });
  const gone = bench.port.execute(cluster, action);
  (await bench.server.next()).refuse(404, "NotFound");
  await gone;
  const refused = assert.rejects(bench.port.execute(cluster, action), {
    code: "disruptionBudget",
    message: /violate .*The disruption budget store needs 2 healthy pods and has 2 currently/,
  });
  const cause = "The disruption budget store needs 2 healthy pods and has 2 currently";
  (await bench.server.next()).reply(429, {
    kind: "Status",
    reason: "TooManyRequests",
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: { causes: [{ reason: "DisruptionBudget", message: cause }] },
  });
  await refused;
  assert.equal(bench.server.count, 3, "it is not tried again at once");
});

test("a Secret is created; one that is there is success and stays as it is", async (t) => {
  const bench = await start(t);
  const action = {
    type: "createSecret",
    name: "store-auth",
    contents: "jwtSecret",
    labels: { a: "b" },
    isOwned: false,
  } as const;
  const done = bench.port.execute(cluster, action);
  const create = await bench.server.next();
  assert.deepEqual([create.method, create.path], ["POST", `/api/v1/${SHOP}/secrets`]);
  create.refuse(409, "AlreadyExists");
  await done;
  assert.equal(bench.server.count, 1);
});

test("a Secret that is refused does not show up in the error", async (t) => {
  const bench = await start(t);
  const action = {
    type: "createSecret",
    name: "store-auth",
    contents: "jwtSecret",
    labels: {},
    isOwned: false,
  } as const;
  const done = bench.port.execute(cluster, action);
  const failed = done.then(
    () => assert.fail("it succeeded"),
    (error: Error) => error.message,
  );
  const create = await bench.server.next();
  create.reply(422, { kind: "Status", reason: "Invalid", message: `cannot take ${create.body}` });
  assert.equal(await failed, `POST /api/v1/${SHOP}/secrets answered 422 Invalid`);
});

test("a claim grows by a merge patch of its request", async (t) => {
  const bench = await start(t);
  const action = { type: "resizeClaim", claim: "data-store-0", size: "2Gi" } as const;
  const request = await requestOf(bench, action, {});
  assert.equal(request.path, `/api/v1/${SHOP}/persistentvolumeclaims/data-store-0`);
  assert.equal(request.headers["content-type"], "application/merge-patch+json");
  assert.deepEqual(request.json(), { spec: { resources: { requests: { storage: "2Gi" } } } });
});

const stranger = { apiVersion: "x/v1", kind: "Backup", name: "b", uid: "u9", controller: true };
const ours = { apiVersion: "kvcluster.io/v1alpha1", kind: "KVCluster", name: "store" };

test("our owner reference comes and goes, others stay, on the version that was read", async (t) => {
  const bench = await start(t);
  const patchOf = async (isOwned: boolean, owners: readonly object[]): Promise<unknown> => {
    const name = "data-store-0";
    const action = { type: "setOwned", kind: "PersistentVolumeClaim", name, isOwned } as const;
    const done = bench.port.execute(cluster, action);
    const metadata = { ...Object(wireObject(name, "7")).metadata, ownerReferences: owners };
    (await bench.server.next()).reply(200, { metadata });
    const patch = await bench.server.next();
    patch.reply(200, {});
    await done;
    const sent = Object(patch.json()["metadata"]);
    assert.equal(sent.resourceVersion, "7");
    return sent.ownerReferences;
  };
  const full = { ...ours, uid: clusterUid, blockOwnerDeletion: true };
  assert.deepEqual(await patchOf(true, []), [{ ...full, controller: true }]);
  assert.deepEqual(await patchOf(true, [stranger]), [stranger, full]);
  assert.deepEqual(await patchOf(false, [full, stranger]), [stranger]);
  const earlier = { ...full, uid: "uid-of-an-earlier-store", controller: true };
  assert.deepEqual(await patchOf(true, [earlier]), [{ ...full, controller: true }]);
  assert.deepEqual(await patchOf(false, [earlier, stranger]), [stranger]);
});

test("status is applied to its subresource, on the version it was worked out from", async (t) => {
  const bench = await start(t);
  const done = bench.port.writeStatus(cluster, { clusterId: "c1" });
  const request = await bench.server.next();
  assert.deepEqual([request.method, request.path], ["PATCH", `${CLUSTER}/status`]);
  assert.deepEqual(request.json(), {
    apiVersion: "kvcluster.io/v1alpha1",
    kind: "KVCluster",
    metadata: { ...KEY, resourceVersion: "100" },
    status: { clusterId: "c1" },
  });
  request.reply(200, wireCluster("101"));
  await done;
  const again = bench.port.writeStatus(cluster, { clusterId: "c1", leader: "store-0" });
  const second = await bench.server.next();
  assert.equal(Object(second.json()["metadata"]).resourceVersion, "101", "our own write is known");
  second.refuse(409, "Conflict");
  await assert.rejects(again, { code: "conflict" });
});

test("a status written is seen by the next pass, also while the watch lags", async (t) => {
  const bench = await start(t);
  const stop = new AbortController();
  const ended = bench.caches.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
  });
  const isOfClusters = ({ path }: Exchange): boolean => path.endsWith("/kvclusters");
  const list = await bench.server.next(isOfClusters);
  list.reply(200, { metadata: { resourceVersion: "100" }, items: [wireCluster("100")] });
  const watch = await bench.server.next(isOfClusters);
  watch.open();
  const first = await bench.port.cluster(KEY);
  assert.ok(first !== null);
  const done = bench.port.writeStatus(first, { clusterId: "c1" });
  const write = await bench.server.next(({ method }) => method === "PATCH");
  write.reply(200, { ...wireCluster("101"), status: { clusterId: "c1" } });
  await done;
  const second = await bench.port.cluster(KEY);
  assert.equal(second?.status?.clusterId, "c1");
  assert.equal(second.metadata.resourceVersion, "101");
  watch.send("MODIFIED", { ...wireCluster("102"), status: { clusterId: "c1", leader: "x" } });
  while ((await bench.port.cluster(KEY))?.metadata.resourceVersion !== "102") {
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("the write to a cluster that has been deleted is forgotten with it", async (t) => {
  const bench = await start(t);
  const forgotten = t.mock.method(OwnWrites.prototype, "forget");
  assert.equal(await bench.port.cluster(KEY), null);
  assert.deepEqual(
    forgotten.mock.calls.map((call) => call.arguments[0]),
    [KEY],
  );
});

test("a fresh read asks the API server now, and tells when the cluster is gone", async (t) => {
  const bench = await start(t);
  const there = bench.port.cluster(KEY, "fresh");
  const request = await bench.server.next();
  assert.deepEqual([request.path, request.url.search], [CLUSTER, ""]);
  request.reply(200, wireCluster("200"));
  assert.equal((await there)?.metadata.resourceVersion, "200");
  const gone = bench.port.cluster(KEY, "fresh");
  (await bench.server.next()).refuse(404, "NotFound");
  assert.equal(await gone, null);
});

test("a resource that breaks the schema is told with the field, not reconciled", async (t) => {
  const bench = await start(t);
  const read = bench.port.cluster(KEY, "fresh");
  const failed = assert.rejects(read, { code: "malformed", message: /shop\/store: .*replicas/ });
  (await bench.server.next()).reply(200, wireCluster("1", { replicas: "many" }));
  await failed;
});

test("a fresh look reads StatefulSet, pods and claims anew, and lists no Secret", async (t) => {
  const bench = await start(t);
  const looking = bench.port.look(cluster, "fresh");
  const paths: string[] = [];
  for (let i = 0; i < 6; i++) {
    const request = await bench.server.next();
    paths.push(request.path);
    const selector = request.query("labelSelector");
    const labels = { "kvcluster.io/cluster": "store" };
    if (request.path.endsWith("/pods") || request.path.endsWith("/persistentvolumeclaims")) {
      const ofStore = "app.kubernetes.io/name=kvcluster,app.kubernetes.io/instance=store";
      assert.equal(selector, ofStore);
      const names = request.path.endsWith("/pods") ? ["store-1", "store-0"] : ["data-store-0"];
      const items = names.map((name) => wireObject(name, "1"));
      request.reply(200, { metadata: { resourceVersion: "1" }, items });
    } else if (request.path.endsWith("/statefulsets/store")) {
      const metadata = { ...Object(wireStatefulSet).metadata, labels };
      request.reply(200, { metadata, spec: { replicas: 2 } });
    } else if (request.path.endsWith("/store-auth")) {
      request.reply(
        200,
        wireObject("store-auth", "1", { data: { "jwt-secret": base64("short") } }),
      );
    } else request.refuse(404, "NotFound");
  }
  const view = await looking;
  assert.deepEqual(paths.filter((path) => path.includes("/secrets")).sort(), [
    `/api/v1/${SHOP}/secrets/store-auth`,
    `/api/v1/${SHOP}/secrets/store-keyring`,
    `/api/v1/${SHOP}/secrets/store-peer`,
  ]);
  assert.equal(view.statefulSet?.replicas, 2);
  assert.deepEqual([...view.children.keys()], ["StatefulSet/store"]);
  assert.deepEqual(
    view.pods.map(({ name }) => name),
    ["store-0", "store-1"],
  );
  assert.deepEqual(
    view.claims.map(({ name }) => name),
    ["data-store-0"],
  );
  assert.deepEqual([...view.secrets.keys()], ["store-auth"]);
  assert.match(view.secrets.get("store-auth")?.fault ?? "", /has 5 bytes/);
  assert.equal(view.issuer.type, "unknown");
});

test("of ConfigMaps that the spec names the keys are read, by list: there is no get", async (t) => {
  const bench = await start(t);
  const jwks = { configMapKeyRef: { name: "tokens", key: "dex.json" } };
  const issuer = { name: "dex", issuer: "https://dex", audiences: ["kv"], jwks };
  const issuers = [issuer, { ...issuer, name: "other", issuer: "https://other" }];
  const looking = bench.port.look(clusterWith({ auth: { issuers } }));
  for (let i = 0; i < 4; i++) {
    const request = await bench.server.next();
    if (request.path.includes("/secrets/")) request.refuse(404, "NotFound");
    else {
      assert.equal(request.path, `/api/v1/${SHOP}/configmaps`);
      assert.equal(request.query("fieldSelector"), "metadata.name=tokens");
      const data = { data: { "dex.json": "{}" }, binaryData: { der: "AA==" } };
      const items = [wireObject("tokens", "1", data)];
      request.reply(200, { metadata: { resourceVersion: "1" }, items });
    }
  }
  assert.deepEqual([...(await looking).configMaps], [["tokens", ["dex.json", "der"]]]);
});

test("the administrators' secret is read by name, null while there is none", async (t) => {
  const bench = await start(t);
  const absent = bench.port.adminSecret(cluster);
  (await bench.server.next()).refuse(404, "NotFound");
  assert.equal(await absent, null);
  const present = bench.port.adminSecret(cluster);
  const request = await bench.server.next();
  assert.equal(request.path, `/api/v1/${SHOP}/secrets/store-auth`);
  request.reply(200, wireObject("store-auth", "1", { data: { "jwt-secret": base64("s3cret\n") } }));
  assert.equal(new TextDecoder().decode((await present) ?? undefined), "s3cret");
});
