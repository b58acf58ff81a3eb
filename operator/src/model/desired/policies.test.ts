import assert from "node:assert/strict";
import { test } from "node:test";
import { grantsOfPolicies, parsePolicies } from "../../../../node/src/api/auth/policies.ts";
import { fullSpec } from "../../../../tests/kubernetes/specs.test-kit.ts";
import type { IssuerView } from "../observed.ts";
import { apiIssuer, childOf, inputsWith } from "./desired.test-kit.ts";
import { valueAt } from "./json.ts";
import { policyFaults } from "./policy-fault.ts";

const iss = apiIssuer.issuer;

/** Claims of a projected token of a service account. */
const accountOf = (namespace: string, name: string): object => ({
  iss,
  sub: `system:serviceaccount:${namespace}:${name}`,
  "kubernetes.io": { namespace, serviceaccount: { name, uid: "u" } },
});

/** The prefixes that the node grants to a token with these claims. */
function granted(auth: object, claims: object, issuer: IssuerView = apiIssuer): string[] {
  const map = childOf(inputsWith({ auth }, { issuer }), "ConfigMap/store-access");
  const policies = parsePolicies(String(valueAt(map, "data", "policies.yaml")), "policies.yaml");
  const verified = claims as Record<string, unknown>;
  return grantsOfPolicies(policies, verified).map(({ start }) => Buffer.from(start).toString());
}

const policy = (whom: object): object => ({
  policies: [{ name: "p", ...whom, grants: [{ prefix: "p/", verbs: ["read", "write"] }] }],
});

test("a policy for a service account is for that one, in the namespace of the KVCluster", () => {
  const auth = policy({ serviceAccounts: [{ name: "web" }, { name: "job", namespace: "batch" }] });
  assert.deepEqual(granted(auth, accountOf("shop", "web")), ["p/"]);
  assert.deepEqual(granted(auth, accountOf("batch", "job")), ["p/"]);
  assert.deepEqual(granted(auth, accountOf("batch", "web")), []);
  assert.deepEqual(granted(auth, accountOf("shop", "web2")), []);
});

test("a policy for a namespace is for every service account in it and no other", () => {
  const auth = policy({ namespaces: ["batch", "jobs"] });
  assert.deepEqual(granted(auth, accountOf("batch", "any")), ["p/"]);
  assert.deepEqual(granted(auth, accountOf("jobs", "any")), ["p/"]);
  assert.deepEqual(granted(auth, accountOf("batch2", "any")), []);
});

test("a policy for claims needs every claim, and the issuer that it names", () => {
  const login = {
    issuers: [
      {
        name: "login",
        issuer: "https://login.example",
        audiences: ["kv"],
        jwks: { configMapKeyRef: { name: "keys", key: "set" } },
      },
    ],
    ...policy({
      claims: { issuer: "https://login.example", match: { team: ["a", "b"], level: ["7"] } },
    }),
  };
  const claims = { iss: "https://login.example", team: "b", level: 7 };
  assert.deepEqual(granted(login, claims), ["p/"]);
  assert.deepEqual(granted(login, { ...claims, level: 6 }), []);
  assert.deepEqual(granted(login, { ...claims, iss }), []);
  const own = policy({ claims: { match: { "kubernetes.io.serviceaccount.name": ["web"] } } });
  assert.deepEqual(granted(own, accountOf("anywhere", "web")), ["p/"]);
  assert.deepEqual(
    granted(own, { ...accountOf("anywhere", "web"), iss: "https://evil.example" }),
    [],
  );
});

test("another issuer's token with the same names is granted nothing", () => {
  const auth = policy({ serviceAccounts: [{ name: "web" }], namespaces: ["shop"] });
  const forged = { ...accountOf("shop", "web"), iss: "https://evil.example" };
  assert.deepEqual(granted(auth, forged), []);
  const match = { iss: ["https://evil.example"], team: ["a"] };
  const overruled = policy({ claims: { match } });
  assert.deepEqual(granted(overruled, { iss: "https://evil.example", team: "a" }), []);
});

test("while the API server's issuer is unknown, policies for service accounts wait", () => {
  const auth = policy({ serviceAccounts: [{ name: "web" }], namespaces: ["shop"] });
  const unknown = { type: "unknown", why: "no answer" } as const;
  assert.deepEqual(granted(auth, accountOf("shop", "web"), unknown), []);
});

test("the three ways to be meant add up, under names that stay unique", () => {
  const map = childOf(inputsWith(fullSpec), "ConfigMap/store-access");
  const file = JSON.parse(String(valueAt(map, "data", "policies.yaml")));
  const names = file.policies.map((entry: { name: string }) => entry.name);
  assert.deepEqual(names, ["app/service-accounts", "app/namespaces", "app/claims"]);
});

test("a policy that nodes would refuse is left out and told, and the others work on", () => {
  const grants = [{ prefix: "p/", verbs: ["read"] }];
  const good = { name: "good", namespaces: ["shop"], grants };
  const bad: readonly (readonly [RegExp, object])[] = [
    [/prefix/, { namespaces: ["shop"], grants: [{ prefix: "ü".repeat(2049), verbs: ["read"] }] }],
    [/more than 8 parts/, { claims: { match: { "a.b.c.d.e.f.g.h.i": ["x"] } }, grants }],
    [/1000 characters/, { claims: { match: { ["a".repeat(1001)]: ["x"] } }, grants }],
  ];
  for (const [fault, fields] of bad) {
    const auth = { policies: [{ name: "bad", ...fields }, good] };
    assert.deepEqual(granted(auth, accountOf("shop", "web")), ["p/"]);
    const told = policyFaults(inputsWith({ auth }).cluster);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", fault);
    assert.match(told[0] ?? "", /^policy bad is left out: /);
  }
  const longest = [{ prefix: "ü".repeat(2048), verbs: ["read"] }];
  const full = { policies: [{ ...good, grants: longest }] };
  assert.deepEqual(policyFaults(inputsWith({ auth: full }).cluster), []);
  assert.deepEqual(granted(full, accountOf("shop", "web")), ["ü".repeat(2048)]);
});

test("a star in a name is a star", () => {
  const inputs = inputsWith({ auth: policy({ namespaces: ["shop"] }) });
  const [first] = inputs.cluster.spec.auth.policies;
  assert.ok(first !== undefined);
  const policies = [{ ...first, namespaces: ["*"], serviceAccounts: [{ name: "*" }] }];
  const auth = { ...inputs.cluster.spec.auth, policies };
  const cluster = { ...inputs.cluster, spec: { ...inputs.cluster.spec, auth } };
  const map = childOf({ ...inputs, cluster }, "ConfigMap/store-access");
  const parsed = parsePolicies(String(valueAt(map, "data", "policies.yaml")), "policies.yaml");
  const claims = accountOf("shop", "web") as Record<string, unknown>;
  assert.deepEqual(grantsOfPolicies(parsed, claims), []);
});
