import assert from "node:assert/strict";
import { test } from "node:test";
import { issuerFaults, knownIssuer } from "./access-config-map.ts";
import { childOf, inputsWith, settled } from "./desired.test-kit.ts";
import { valueAt } from "./json.ts";

const issuer = { type: "known", issuer: "https://api.example", jwks: '{"keys":[7]}' } as const;
const silent = { type: "unknown", why: "no answer" } as const;

test("nodes get the API server's keys as they are", () => {
  const map = childOf(inputsWith({}, { issuer }), "ConfigMap/store-access");
  assert.equal(valueAt(map, "data", "jwks.json"), '{"keys":[7]}');
});

test("no keys are handed out that nobody asked for", () => {
  const off = inputsWith({ auth: { serviceAccountTokens: false } }, { issuer });
  const map = childOf(off, "ConfigMap/store-access");
  assert.deepEqual(Object.keys(map["data"] as object), ["policies.yaml"]);
});

test("an API server that does not answer takes no keys away from the nodes", () => {
  const inputs = inputsWith({}, { issuer });
  assert.deepEqual(knownIssuer(settled(inputs, { issuer: silent })), issuer);
  const other = { ...issuer, jwks: '{"keys":[8]}' };
  assert.deepEqual(knownIssuer(settled(inputs, { issuer: other })), other);
});

test("what was never known stays unknown", () => {
  const inputs = inputsWith({}, { issuer: silent });
  assert.deepEqual(knownIssuer(settled(inputs)), silent);
  assert.deepEqual(knownIssuer(settled(inputs, { children: new Map() })), silent);
});

test("it is told when applications cannot be let in, and only then", () => {
  const inputs = inputsWith({}, { issuer: silent });
  assert.deepEqual(issuerFaults(settled(inputs)), [
    "service-account tokens are refused, for the API server's keys are unknown: no answer",
  ]);
  assert.deepEqual(issuerFaults(settled(inputsWith({}, { issuer }), { issuer: silent })), []);
  const off = inputsWith({ auth: { serviceAccountTokens: false } }, { issuer: silent });
  assert.deepEqual(issuerFaults(settled(off)), []);
});
