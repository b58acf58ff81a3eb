import assert from "node:assert/strict";
import { test } from "node:test";
import { live } from "./kube-fixtures.test-kit.ts";
import { OwnWrites } from "./own-writes.ts";
import { resources } from "./resources.ts";

const key = { namespace: "shop", name: "store" };
const at = (resourceVersion: string, uid = "u1") =>
  live(resources.kvCluster, "store", { metadata: { resourceVersion, uid } });

test("a write is the newest until the watch has brought it or something later", () => {
  const writes = new OwnWrites();
  writes.note(at("2"), "1");
  assert.equal(writes.newest(at("1")).metadata.resourceVersion, "2");
  writes.note(at("3"), "2");
  assert.equal(writes.newest(at("1")).metadata.resourceVersion, "3");
  assert.equal(writes.newest(at("2")).metadata.resourceVersion, "3");
  assert.equal(writes.newest(at("4")).metadata.resourceVersion, "4");
  assert.equal(writes.size, 0);
});

test("of a cluster that is gone nothing is kept, and its successor is taken as it is", () => {
  const writes = new OwnWrites();
  writes.note(at("2"), "1");
  writes.forget(key);
  assert.equal(writes.size, 0);
  writes.note(at("2"), "1");
  assert.equal(writes.newest(at("1", "u2")).metadata.uid, "u2");
  assert.equal(writes.size, 0);
  writes.note(at("2"), "1");
  writes.note(at("9", "u2"), "8");
  assert.equal(writes.newest(at("1", "u2")).metadata.resourceVersion, "1");
});
