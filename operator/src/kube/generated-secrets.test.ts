import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateSecretAction } from "../model/index.ts";
import { at, type LiveObject } from "./decode-json.ts";
import { observeSecret, secretBytes, secretObject } from "./generated-secrets.ts";
import { base64, clusterUid, clusterWith, live } from "./kube-fixtures.test-kit.ts";
import { resources } from "./resources.ts";

const make = (contents: CreateSecretAction["contents"], isOwned = false): LiveObject => {
  const action = {
    type: "createSecret",
    name: "s",
    contents,
    labels: { a: "b" },
    isOwned,
  } as const;
  const { metadata, ...rest } = secretObject(clusterWith(), action);
  return live(resources.secret, "s", { ...rest, metadata });
};

const withKey = (key: string, text: string): LiveObject =>
  live(resources.secret, "s", { data: { [key]: base64(text) } });

const faultOf = (secret: LiveObject, key: string): string | null =>
  observeSecret(secret, clusterWith(), key).fault;

test("each generated Secret is one that nodes can use, and none is like another", () => {
  const cases = [
    ["jwtSecret", "jwt-secret"],
    ["peerSecret", "peer-secret"],
    ["keyRing", "key-ring.json"],
  ] as const;
  for (const [contents, key] of cases) {
    const secret = make(contents);
    assert.equal(faultOf(secret, key), null);
    assert.deepEqual(observeSecret(secret, clusterWith(), key).keys, [key]);
    assert.notEqual(at(secret, "data", key), at(make(contents), "data", key));
  }
  const text = new TextDecoder().decode(secretBytes(make("jwtSecret"), "jwt-secret") ?? undefined);
  assert.match(text, /^[0-9a-f]{64}$/);
});

test("a Secret is owned only when it shall go with its KVCluster", () => {
  const isOwned = (secret: LiveObject): boolean =>
    observeSecret(secret, clusterWith(), "jwt-secret").isOwned;
  assert.equal(isOwned(make("jwtSecret", true)), true);
  assert.equal(isOwned(make("jwtSecret", false)), false);
  const [owner] = make("jwtSecret", true).metadata.ownerReferences ?? [];
  assert.equal(owner?.uid, clusterUid);
});

test("bytes are read as the node reads the file: without one line end", () => {
  const read = (text: string): string =>
    new TextDecoder().decode(secretBytes(withKey("k", text), "k") ?? undefined);
  assert.deepEqual(["ab", "ab\n", "ab\r\n", "ab\n\n"].map(read), ["ab", "ab", "ab", "ab\n"]);
  assert.equal(secretBytes(withKey("k", "x"), "other"), null);
});

test("secrets that are missing or too short are faults that do not quote them", () => {
  assert.equal(faultOf(withKey("other", "x"), "jwt-secret"), "it has no key jwt-secret");
  const fault = faultOf(withKey("jwt-secret", "hunter2"), "jwt-secret");
  assert.equal(fault, "jwt-secret has 7 bytes, at least 32 are needed");
});

test("key rings that the node would refuse are faults that do not quote them", () => {
  const key = Buffer.alloc(32, "K").toString("base64");
  const ring = { version: 1, id: "ring", active: "k1", keys: { k1: key } };
  const fault = (text: string): string | null =>
    faultOf(withKey("key-ring.json", text), "key-ring.json");
  assert.equal(fault(JSON.stringify(ring)), null);
  assert.equal(fault(`version: 1\nid: ring\nactive: k1\nkeys:\n  k1: ${key}\n`), null);
  const bad: readonly (readonly [string, RegExp])[] = [
    ["", /neither JSON nor YAML/],
    ["{", /neither JSON nor YAML/],
    ["a: &x b\nc: *x", /neither JSON nor YAML/],
    [JSON.stringify({ ...ring, extra: key }), /unknown field/],
    [JSON.stringify({ ...ring, version: 2 }), /"version" must be 1/],
    [JSON.stringify({ ...ring, id: "a b" }), /"id"/],
    [JSON.stringify({ ...ring, keys: {} }), /"keys" has no key/],
    [JSON.stringify({ ...ring, active: "k2" }), /"active" names no key/],
    [JSON.stringify({ ...ring, active: "toString" }), /"active" names no key/],
    [JSON.stringify({ ...ring, keys: { k1: key, k2: key.slice(4) } }), /key 2 is not the base64/],
  ];
  for (const [text, pattern] of bad) {
    const told = fault(text) ?? "";
    assert.match(told, pattern);
    assert.ok(!told.includes(key.slice(0, 8)), told);
  }
});
