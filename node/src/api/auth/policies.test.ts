import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { grantsOfPolicies, parsePolicies } from "./policies.ts";
import { AuthConfigurationError } from "./reasons.ts";

const iss = "https://issuer.test";

function prefixesFor(match: Record<string, string | string[]>, claims: object): string[] {
  const grants = [{ prefix: "p/", verbs: ["read"] }];
  const text = stringify({ policies: [{ name: "p", match: { iss, ...match }, grants }] });
  return grantsOfPolicies(parsePolicies(text, "test"), { iss, ...claims }).map((grant) =>
    Buffer.from(grant.start).toString(),
  );
}
const matches = (match: Record<string, string | string[]>, claims: object): boolean =>
  prefixesFor(match, claims).length === 1;

test("every claim listed must match, and the issuer with them", () => {
  assert.equal(matches({ sub: "alice" }, { sub: "alice" }), true);
  assert.equal(matches({ sub: "alice" }, { sub: "Alice" }), false);
  assert.equal(matches({ sub: "alice" }, {}), false);
  assert.equal(matches({ sub: "alice", team: "a" }, { sub: "alice", team: "a" }), true);
  assert.equal(matches({ sub: "alice", team: "a" }, { sub: "alice", team: "b" }), false);
  assert.equal(matches({ sub: "alice" }, { sub: "alice", iss: "https://evil.test" }), false);
});

test("any of several values is enough, and a list claim matches by one of its items", () => {
  assert.equal(matches({ sub: ["alice", "bob"] }, { sub: "bob" }), true);
  assert.equal(matches({ groups: "ops" }, { groups: ["dev", "ops"] }), true);
  assert.equal(matches({ groups: "ops" }, { groups: ["dev", ["ops"]] }), false);
  assert.equal(matches({ groups: "ops" }, { groups: [] }), false);
  assert.equal(matches({ groups: "ops" }, { groups: "dev,ops" }), false);
});

test("a star at the end matches the rest, a star elsewhere is a star", () => {
  const shop = { sub: "system:serviceaccount:shop:*" };
  assert.equal(matches(shop, { sub: "system:serviceaccount:shop:web" }), true);
  assert.equal(matches(shop, { sub: "system:serviceaccount:shop2:web" }), false);
  assert.equal(matches(shop, { sub: "x:system:serviceaccount:shop:web" }), false);
  assert.equal(matches({ sub: "a*c" }, { sub: "abc" }), false);
  assert.equal(matches({ sub: "a*c" }, { sub: "a*c" }), true);
  assert.equal(matches({ sub: "a\\*" }, { sub: "a*" }), true);
  assert.equal(matches({ sub: "a\\*" }, { sub: "ab" }), false);
  assert.equal(matches({ sub: "*" }, { sub: "anyone" }), true);
  assert.equal(matches({ sub: "*" }, {}), false);
});

test("a dotted name reaches into objects whose names have dots themselves", () => {
  const claims = { "kubernetes.io": { namespace: "shop", serviceaccount: { name: "web" } } };
  assert.equal(matches({ "kubernetes.io.namespace": "shop" }, claims), true);
  assert.equal(matches({ "kubernetes.io.serviceaccount.name": "web" }, claims), true);
  assert.equal(matches({ "kubernetes.io.serviceaccount": "web" }, claims), false);
  assert.equal(matches({ "https://a.b/c": "x" }, { "https://a.b/c": "x" }), true);
  assert.equal(matches({ "realm.roles": "ops" }, { realm: { roles: ["ops"] } }), true);
});

test("a name that can be read in two ways matches nothing", () => {
  const shadowed = {
    "kubernetes.io": { namespace: "mine" },
    "kubernetes.io.namespace": "shop",
  };
  assert.equal(matches({ "kubernetes.io.namespace": "shop" }, shadowed), false);
  assert.equal(matches({ "kubernetes.io.namespace": "mine" }, shadowed), false);
});

test("inherited properties are no claims", () => {
  assert.equal(matches({ "constructor.name": "Object" }, {}), false);
  assert.equal(matches({ "sub.length": "5" }, { sub: "alice" }), false);
  const polluted = JSON.parse('{"__proto__": {"sub": "alice"}}');
  assert.equal(matches({ sub: "alice" }, polluted), false);
});

test("booleans and numbers match by their text, never by a glob", () => {
  assert.equal(matches({ email_verified: "true" }, { email_verified: true }), true);
  assert.equal(matches({ email_verified: "true" }, { email_verified: false }), false);
  assert.equal(matches({ level: "7" }, { level: 7 }), true);
  assert.equal(matches({ level: "*" }, { level: 7 }), false);
  assert.equal(matches({ nothing: "null" }, { nothing: null }), false);
  assert.equal(matches({ nothing: "[object Object]" }, { nothing: {} }), false);
});

test("grants of all matching policies add up; JSON is as good as YAML", () => {
  const policy = (name: string, sub: string, prefix: string): object => ({
    name,
    match: { iss, sub },
    grants: [{ prefix, verbs: ["read", "write"] }],
  });
  const policies = [policy("a", "alice", "a/"), policy("b", "al*", "b/"), policy("c", "bob", "c/")];
  const set = parsePolicies(JSON.stringify({ policies }), "test");
  const grants = grantsOfPolicies(set, { iss, sub: "alice" });
  assert.deepEqual(
    grants.map((grant) => Buffer.from(grant.start).toString()),
    ["a/", "b/"],
  );
  assert.deepEqual(grantsOfPolicies(set, { iss, sub: "eve" }), []);
});

test("a file that is not exactly right is refused whole, with the place", () => {
  const good = { name: "p", match: { iss, sub: "alice" }, grants: [] };
  const bad: readonly (readonly [RegExp, unknown])[] = [
    [/test/, null],
    [/policies/, {}],
    [/must be object/, []],
    [/rules is not a known field/, { policies: [], rules: [] }],
    [/\/policies\/0/, { policies: [{ ...good, name: "" }] }],
    [/\/policies\/0/, { policies: [{ ...good, match: {} }] }],
    [/\/policies\/0/, { policies: [{ ...good, match: undefined }] }],
    [/\/policies\/0/, { policies: [{ ...good, deny: true }] }],
    [/\/policies\/0/, { policies: [{ ...good, match: { iss, sub: 7 } }] }],
    [/\/policies\/0/, { policies: [{ ...good, grants: [{ prefix: "a", verbs: ["own"] }] }] }],
    [/two policies are named "p"/, { policies: [good, good] }],
    [/policy "p": must match on "iss"/, { policies: [{ ...good, match: { sub: "alice" } }] }],
    [/"iss" must be exact/, { policies: [{ ...good, match: { iss: "https://*" } }] }],
    [/more than 8 parts/, { policies: [{ ...good, match: { iss, "a.b.c.d.e.f.g.h.i": "x" } }] }],
  ];
  for (const [message, document] of bad) {
    assert.throws(
      () => parsePolicies(JSON.stringify(document), "test"),
      (error) => error instanceof AuthConfigurationError && message.test(error.message),
      JSON.stringify(document),
    );
  }
});

test("broken YAML, repeated keys and exploding aliases are refused", () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ...["b", "c", "d", "e", "f"].map((name, i) => {
      const before = "abcdef".charAt(i);
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`;
    }),
  ].join("\n");
  const twice = "policies: []\npolicies: []";
  for (const text of ["policies: [", twice, bomb, "\t- x", "--- a\n--- b"]) {
    assert.throws(() => parsePolicies(text, "test"), AuthConfigurationError, text.slice(0, 40));
  }
});
