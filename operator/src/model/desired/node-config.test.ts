import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, loadConfig } from "../../../../node/src/config/index.ts";
import { fullSpec } from "../../../../tests/kubernetes/specs.test-kit.ts";
import type { IssuerView } from "../observed.ts";
import { childOf, container, inputsWith } from "./desired.test-kit.ts";
import { valueAt } from "./json.ts";

/** What the node makes of its ConfigMap and the environment of its pod `store-0`. */
function load(spec: object, others: { readonly issuer?: IssuerView } = {}): Config {
  const inputs = inputsWith(spec, others);
  const env = container(inputs)["env"] as { name: string; value?: string }[];
  const name = "store-0";
  const expanded = env.map((variable) => [
    variable.name,
    variable.value?.replaceAll("$(KVCLUSTER_NAME)", name) ?? name,
  ]);
  const map = childOf(inputs, "ConfigMap/store-config");
  return loadConfig({
    argv: [],
    env: Object.fromEntries(expanded),
    readFile: (path) => {
      assert.equal(path, "/etc/kvcluster/config/node.yaml");
      return String(valueAt(map, "data", "node.yaml"));
    },
  });
}

test("the node accepts the configuration that it is given", () => {
  const config = load({});
  assert.equal(config.name, "store-0");
  assert.equal(config.dataFolder, "/var/lib/kvcluster/data");
  assert.deepEqual(config.listen, {
    http: "[::]:5000",
    peer: "[::]:5100",
    metrics: "[::]:8000",
  });
  assert.deepEqual(config.advertise, {
    peerAddress: "store-0.store-peers.shop.svc:5100",
    clientAddress: "http://store-0.store-peers.shop.svc:5000",
  });
  assert.equal(config.keyRingFile, "/etc/kvcluster/secrets/keyring/key-ring.json");
  assert.equal(config.peers.secretFile, "/etc/kvcluster/secrets/peer/peer-secret");
  assert.equal(config.auth.policiesFile, "/etc/kvcluster/access/policies.yaml");
});

test("administrators' tokens may grant, tokens of service accounts only by policies", () => {
  assert.deepEqual(load({}).auth.keys, [
    {
      name: "admin",
      algorithm: "HS256",
      file: "/etc/kvcluster/secrets/auth/jwt-secret",
      issuer: "kvcluster",
      audiences: ["kvcluster"],
      grants: "trusted",
    },
    {
      name: "kubernetes",
      jwksFile: "/etc/kvcluster/access/jwks.json",
      issuer: "https://kubernetes.default.svc.cluster.local",
      audiences: ["shop/store"],
      grants: "policies",
      optional: true,
    },
  ]);
});

test("the audience is the spec's when it names one", () => {
  const { keys } = load({ auth: { audiences: ["a", "b"] } }).auth;
  assert.deepEqual(keys[1]?.audiences, ["a", "b"]);
});

test("without service-account tokens, or with their issuer unknown, administrators remain", () => {
  const off = load({ auth: { serviceAccountTokens: false } });
  const unknown = load({}, { issuer: { type: "unknown", why: "no answer" } });
  for (const { auth } of [off, unknown])
    assert.deepEqual(
      auth.keys.map(({ name }) => name),
      ["admin"],
    );
});

test("foreign issuers are known by a public key or a key set, and grant nothing themselves", () => {
  const [, , jwks, pem] = load(fullSpec).auth.keys;
  assert.deepEqual(jwks, {
    name: "corporate",
    jwksFile: "/etc/kvcluster/issuers/corporate.json",
    issuer: "https://login.example",
    audiences: ["kv"],
    grants: "policies",
    optional: true,
  });
  assert.deepEqual(pem, {
    name: "partner",
    algorithm: "ES256",
    file: "/etc/kvcluster/issuers/partner.pem",
    issuer: "https://partner.example",
    audiences: ["kv"],
    grants: "policies",
    optional: true,
  });
});

test("every spec that the schema allows makes a configuration that the node accepts", () => {
  for (const electionTimeoutMs of [250, 700, 60_000]) {
    for (const heartbeatIntervalMs of [50, 100, 10_000]) {
      if (electionTimeoutMs < 5 * heartbeatIntervalMs) continue;
      for (const entriesKept of [100, 10_000, 100_000]) {
        const raft = { electionTimeoutMs, heartbeatIntervalMs, entriesKept };
        const config = load({ raft, logLevel: "trace" });
        assert.equal(config.raft.electionTimeoutMs, electionTimeoutMs);
        assert.equal(config.raft.heartbeatIntervalMs, heartbeatIntervalMs);
        assert.equal(config.log.entriesKept, entriesKept);
        assert.equal(config.logLevel, "trace");
      }
    }
  }
});
