import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import jwt from "jsonwebtoken";
import { KVClientError } from "./errors.ts";
import { type MintOptions, mintToken } from "./token.ts";

const secret = randomBytes(32);
const options: MintOptions = { secret, subject: "alice", ttlSeconds: 60 };
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof KVClientError && error.code === "CREDENTIALS" && message.test(error.message);

test("a token says who, for whom, until when and what it grants", () => {
  const grants = [{ prefix: "app/", verbs: ["read", "write"] as const }];
  const token = mintToken({ ...options, grants, keyId: "k1" });
  const { header, payload } = jwt.verify(token, secret, {
    algorithms: ["HS256"],
    issuer: "kvcluster",
    audience: "kvcluster",
    complete: true,
  });
  assert.deepEqual(header, { alg: "HS256", typ: "JWT", kid: "k1" });
  assert.ok(typeof payload === "object");
  assert.equal(payload.sub, "alice");
  assert.deepEqual(payload["kv"], grants);
  assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 60);
});

test("issuer and audience can be others, and a token may grant nothing itself", () => {
  const token = mintToken({ ...options, issuer: "me", audience: "you" });
  const payload = jwt.verify(token, secret, { algorithms: ["HS256"] });
  assert.ok(typeof payload === "object");
  assert.deepEqual([payload.iss, payload.aud, "kv" in payload], ["me", "you", false]);
});

test("what no node would take is not minted", () => {
  const mint = (change: Partial<MintOptions>) => () => mintToken({ ...options, ...change });
  assert.throws(mint({ secret: randomBytes(31) }), refused(/31 bytes/));
  assert.throws(mint({ subject: "" }), refused(/subject/));
  for (const ttlSeconds of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9]) {
    assert.throws(mint({ ttlSeconds }), refused(/a life of/));
  }
  assert.throws(mint({ grants: [{ prefix: "a", verbs: [] }] }), refused(/no verb/));
  const typo = JSON.parse('[{"prefix": "a", "verbs": ["rread"]}]');
  assert.throws(mint({ grants: typo }), refused(/"rread" is no verb/));
  assert.throws(mint({ grants: [{ prefix: "\ud800", verbs: ["read"] }] }), refused(/Unicode/));
  const grant = { prefix: "x".repeat(1000), verbs: ["read"] as const };
  assert.throws(mint({ grants: Array(65).fill(grant) }), refused(/65 grants/));
  assert.throws(mint({ grants: Array(10).fill(grant) }), refused(/the limit is 8192/));
});
