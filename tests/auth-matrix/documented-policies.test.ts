/** The examples of docs/security.md do what the page says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { grantsOfPolicies, parsePolicies } from "../../node/src/api/auth/policies.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/security.md"), "utf8");
const blockOf = (language: string): string =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";

const kubernetes = "https://kubernetes.default.svc.cluster.local";
const namesOf = (claims: object): string[] =>
  grantsOfPolicies(parsePolicies(blockOf("yaml"), "docs/security.md"), { ...claims }).map(
    ({ start, verbs }) => `${Buffer.from(start)}:${[...verbs].join("+")}`,
  );

test("the policies of the page grant what it says", () => {
  const sub = "system:serviceaccount:shop:web";
  assert.deepEqual(namesOf({ iss: kubernetes, sub }), ["shop/:read+write"]);
  const projected = { iss: kubernetes, sub, "kubernetes.io": { namespace: "shop" } };
  assert.deepEqual(namesOf(projected), ["shop/:read+write", "config/:read"]);
  const person = { iss: "https://login.example.com", groups: ["dev", "sre"] };
  assert.deepEqual(namesOf({ ...person, email_verified: true }), [":read+write+admin"]);
  assert.deepEqual(namesOf({ ...person, email_verified: false }), []);
  assert.deepEqual(namesOf({ iss: "https://login.example.com", sub }), []);
});

test("the token of the page is JSON with two grants", () => {
  const claims: { kv: unknown[] } = JSON.parse(blockOf("json"));
  assert.equal(claims.kv.length, 2);
});
