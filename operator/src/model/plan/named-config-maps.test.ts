import assert from "node:assert/strict";
import { test } from "node:test";
import type { KVClusterSpec } from "../api/types.ts";
import { configMapFaults } from "./named-config-maps.ts";
import { defaults, makeSpec } from "./plan.test-kit.ts";
import { plan } from "./plan.ts";
import { observe } from "./scene.test-kit.ts";

const issuerOf = (name: string, key: string) => ({
  name,
  issuer: `https://${name}`,
  audiences: ["kv"],
  jwks: { configMapKeyRef: { name: "tokens", key } },
});
const auth: KVClusterSpec["auth"] = {
  ...makeSpec().auth,
  issuers: [issuerOf("dex", "dex.json"), issuerOf("vault", "vault.json")],
};
const seen = (configMaps: ReadonlyMap<string, readonly string[]>) => ({
  ...observe({ spec: { auth } }),
  configMaps,
});

test("a ConfigMap that the spec names and a key that it lacks are told with what to do", () => {
  assert.deepEqual(configMapFaults(seen(new Map())), [
    "ConfigMap tokens of issuer dex in spec.auth.issuers does not exist: make it, key dex.json",
    "ConfigMap tokens of issuer vault in spec.auth.issuers does not exist: make it, key vault.json",
  ]);
  assert.deepEqual(configMapFaults(seen(new Map([["tokens", ["dex.json"]]]))), [
    "ConfigMap tokens of issuer vault in spec.auth.issuers has no key vault.json: add it",
  ]);
  assert.deepEqual(configMapFaults(seen(new Map([["tokens", ["dex.json", "vault.json"]]]))), []);
});

test("it makes the cluster Degraded, whose nodes run all the same", () => {
  const { status, story } = plan(seen(new Map()), defaults);
  const told = (type: string) => status.conditions?.find((one) => one.type === type);
  assert.equal(told("Degraded")?.reason, "ChildrenFaulty");
  assert.match(told("Degraded")?.message ?? "", /ConfigMap tokens of issuer dex/);
  assert.equal(told("Available")?.status, "True");
  assert.ok(story.some(({ reason }) => reason === "ChildrenFaulty"));
});
