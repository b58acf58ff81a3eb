import assert from "node:assert/strict";
import { test } from "node:test";
import { carryOut } from "./cluster-actions.ts";
import { clusterUid, clusterWith } from "./kube-fixtures.test-kit.ts";
import { ManualClock, ScriptedApiServer, wireObject } from "./scripted-api-server.test-kit.ts";

const object = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name: "store" },
} as const;
const action = { type: "apply", object, isNew: true, why: "created" } as const;
const path = "/api/v1/namespaces/shop/services";

test("an object of a stranger that has a child's name is not taken over", async (t) => {
  for (const metadata of [
    { labels: { app: "shop" } },
    { labels: { "kvcluster.io/cluster": "other" } },
    { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u9" }] },
  ]) {
    const server = await ScriptedApiServer.start(t);
    const done = carryOut(server.connect(new ManualClock()), clusterWith(), action);
    const message = "Service shop/store exists and is not this KVCluster's: rename or delete one";
    const refused = assert.rejects(done, { code: "invalid", message: new RegExp(message) });
    const list = await server.next();
    assert.deepEqual([list.method, list.path], ["GET", path], "with the right to list alone");
    assert.equal(list.query("fieldSelector"), "metadata.name=store");
    const live = { ...wireObject("store", "1") };
    const items = [{ ...live, metadata: { ...Object(live)["metadata"], ...metadata } }];
    list.reply(200, { metadata: { resourceVersion: "1" }, items });
    await refused;
    assert.equal(server.count, 1, "nothing was written");
  }
});

test("a child that lost our labels, was orphaned or is not there is applied", async (t) => {
  const owner = { apiVersion: "kvcluster.io/v1alpha1", kind: "KVCluster", name: "store" };
  for (const metadata of [
    { ownerReferences: [{ ...owner, uid: clusterUid }] },
    { labels: { "kvcluster.io/cluster": "store" } },
    null,
  ]) {
    const server = await ScriptedApiServer.start(t);
    const done = carryOut(server.connect(new ManualClock()), clusterWith(), action);
    const live = { ...wireObject("store", "1") };
    const item = { ...live, metadata: { ...Object(live)["metadata"], ...metadata } };
    const items = metadata === null ? [] : [item];
    (await server.next()).reply(200, { metadata: { resourceVersion: "1" }, items });
    const apply = await server.next();
    assert.equal(apply.method, "PATCH");
    apply.reply(200, live);
    await done;
  }
});
