import assert from "node:assert/strict";
import { test } from "node:test";
import { intentAnnotation } from "../names.ts";
import { intentOf, withIntent } from "./intent.ts";
import { canonicalJson, hashText, stableHash } from "./stable-hash.ts";

const object = (data: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "b", annotations: { note: "x" } },
  data,
});

test("the order of keys does not matter, that of items does", () => {
  assert.equal(
    canonicalJson({ b: [2, 1], a: { d: null, c: "x" } }),
    '{"a":{"c":"x","d":null},"b":[2,1]}',
  );
  assert.equal(stableHash({ a: 1, b: 2 }), stableHash({ b: 2, a: 1 }));
  assert.notEqual(stableHash([1, 2]), stableHash([2, 1]));
  assert.equal(stableHash({ a: 1, b: undefined }), stableHash({ a: 1 }));
});

test("a hash is the same in every version of the operator", () => {
  assert.equal(hashText(""), "8e8475643f202e54");
  assert.equal(hashText("kvcluster"), "7304b4162e1e7d0c");
});

test("texts that differ a little have hashes that differ everywhere", () => {
  const hashes = Array.from({ length: 20_000 }, (_, i) => hashText(`replicas: ${i}`));
  assert.equal(new Set(hashes).size, hashes.length);
  assert.ok(hashes.every((hash) => /^[0-9a-f]{16}$/.test(hash)));
  const halves = [hashes.map((hash) => hash.slice(0, 8)), hashes.map((hash) => hash.slice(8))];
  for (const half of halves) assert.ok(new Set(half).size > hashes.length - 3);
});

test("the annotation with the hash is not part of what is hashed", () => {
  const intent = withIntent(object({ a: "1" }));
  assert.equal(intent.metadata.annotations?.[intentAnnotation], intentOf(object({ a: "1" })));
  assert.equal(intent.metadata.annotations?.["note"], "x");
  assert.equal(intentOf(intent), intentOf(object({ a: "1" })));
  assert.deepEqual(withIntent(intent), intent);
  assert.notEqual(intentOf(object({ a: "2" })), intentOf(intent));
});
