/**
 * Tokens as a forger would make them, at a real node that trusts three issuers: its own secret, a
 * second secret and a foreign one with a public key, two of them under the same key id.
 */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  makeKeyPair,
  type Signer,
  signToken,
  unsignedToken,
} from "../../node/src/api/auth/auth.test-kit.ts";
import { eventually } from "../cluster/polling.test-kit.ts";
import {
  DEADLINE,
  fetchOnce,
  quick,
  refusalOf,
  startTarget,
  type Target,
} from "./target.test-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "kvcluster-tokens-"));
const foreignKeys = makeKeyPair("ES256");
const foreign = "https://foreign.test";
const policiesFile = join(folder, "policies.yaml");
const policies = (...subjects: readonly string[]): string =>
  JSON.stringify({
    policies: subjects.map((sub) => ({
      name: sub,
      match: { iss: foreign, sub },
      grants: [{ prefix: "team/", verbs: ["read"] }],
    })),
  });

let target: Target;
let own: Extract<Signer, { readonly algorithm: "HS256" }>;
let second: typeof own;

before(async () => {
  target = await startTarget();
  own = { algorithm: "HS256", secret: trimmed(target.cluster.secrets.tokenSecret) };
  second = { algorithm: "HS256", secret: randomBytes(48) };
  writeFileSync(policiesFile, policies("alice"));
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const issuer = (name: string, iss: string, grants: string): object => ({
    name,
    issuer: iss,
    audiences: ["kvcluster"],
    grants,
  });
  const keys = [
    {
      ...issuer("own", "kvcluster", "trusted"),
      algorithm: "HS256",
      file: target.cluster.secrets.tokenSecret,
    },
    {
      ...issuer("second", "second", "trusted"),
      algorithm: "HS256",
      keyId: "k1",
      file: write("second", second.secret),
    },
    {
      ...issuer("foreign", foreign, "policies"),
      algorithm: "ES256",
      keyId: "k1",
      file: write("foreign.pem", foreignKeys.publicPem),
    },
  ];
  await target.node.terminate();
  target.node.start({ ...quick, auth: { keys, policiesFile, reloadMs: 100 } });
  const isReady = async (): Promise<boolean> =>
    (await fetchOnce(`${target.node.clientAddress}/readyz`)).ok;
  await eventually("the node is ready again", isReady);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const trimmed = (path: string): Buffer => Buffer.from(readFileSync(path, "utf8").trim());
const now = (): number => Math.floor(Date.now() / 1000);
const kv = [{ prefix: "", verbs: ["read", "write", "admin"] }];

const claims = (changed: object = {}): object => ({
  iss: "kvcluster",
  aud: "kvcluster",
  sub: "mallory",
  iat: now() - 5,
  exp: now() + 300,
  kv,
  ...changed,
});

const ask = (token: string, key: string = "team/a"): Promise<Response> =>
  target.send(`/v1/kv/${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${token}` },
  });

/** A token whose parts are given as they are. */
function rawToken(header: string, payload: string, secret: Uint8Array = own.secret): string {
  const encode = (text: string): string => Buffer.from(text).toString("base64url");
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}
const header = '{"alg":"HS256","typ":"JWT"}';

test(
  "good tokens of each issuer are let in: the attacks below fail for another reason",
  DEADLINE,
  async () => {
    assert.equal((await ask(signToken(own, claims()))).status, 404);
    const ofSecond = signToken(second, claims({ iss: "second" }), { kid: "k1" });
    assert.equal((await ask(ofSecond)).status, 404);
    const alice = claims({ iss: foreign, sub: "alice", kv: undefined });
    assert.equal((await ask(signToken(foreignKeys.signer, alice, { kid: "k1" }))).status, 404);
  },
);

test("no forged token is let in, and none learns more than that", DEADLINE, async () => {
  const empty = { algorithm: "HS256", secret: Buffer.alloc(0) } as const;
  const asHmac = { algorithm: "HS256", secret: Buffer.from(foreignKeys.publicPem) } as const;
  const other = makeKeyPair("ES256");
  const body = JSON.stringify(claims());
  const forged: Readonly<Record<string, string>> = {
    "no signature": unsignedToken(claims()),
    "no signature, spelt otherwise": unsignedToken(claims(), "nOnE"),
    "the secret of another cluster": signToken({ ...own, secret: randomBytes(32) }, claims()),
    "the other secret under this issuer": signToken(second, claims(), { kid: "k1" }),
    "the foreign key under this issuer": signToken(foreignKeys.signer, claims(), { kid: "k1" }),
    "an HMAC with the public key": signToken(asHmac, claims({ iss: foreign }), { kid: "k1" }),
    "a key that comes along": signToken(other.signer, claims({ iss: foreign }), {
      jwk: other.publicJwk,
      jku: "http://127.0.0.1:1/keys",
    }),
    "a kid that is a path": signToken(empty, claims(), { kid: "../../../../dev/null" }),
    "a kid that is a prototype": signToken(empty, claims({ iss: "second" }), { kid: "__proto__" }),
    "a kid of another type": signToken(own, claims(), { kid: { k: 1 } }),
    "a kid that does not end": signToken(own, claims(), { kid: "k".repeat(4_000) }),
    "an extension that is critical": signToken(own, claims(), { crit: ["b64"], b64: false }),
    "no extension that is critical": signToken(own, claims(), { crit: [] }),
    "another algorithm than the key's": signToken(own, claims(), { alg: "HS512" }),
    "a list of algorithms": signToken(own, claims(), { alg: ["HS256"] }),
    "a token for another purpose": signToken(own, claims(), { typ: "logout+jwt" }),
    "an encrypted token": "a.b.c.d.e",
    "a token as JSON": Buffer.from(body).toString("base64url"),
    "a list of claims": rawToken(header, `[${body}]`),
    "two issuers, the last one of another key": rawToken(
      header,
      body.replace(/}$/, ',"iss":"second"}'),
    ),
    "another audience": signToken(own, claims({ aud: "kvcluster2" })),
    "an audience that contains ours": signToken(own, claims({ aud: "x-kvcluster" })),
    "an object as audience": signToken(own, claims({ aud: { kvcluster: true } })),
    "no issuer": signToken(own, claims({ iss: undefined })),
    "a list of issuers": signToken(own, claims({ iss: ["kvcluster"] })),
    "an expiry in words": signToken(own, claims({ exp: `${now() + 300}` })),
    "an expiry beyond all numbers": rawToken(header, body.replace(/"exp":\d+/, '"exp":1e999')),
    "an expiry beyond all dates": signToken(own, claims({ exp: Number.MAX_SAFE_INTEGER })),
    "a negative expiry": signToken(own, claims({ exp: -1 })),
    "no expiry": signToken(own, claims({ exp: undefined })),
    "a list of expiries": signToken(own, claims({ exp: [now() + 300] })),
    "an nbf in words": signToken(own, claims({ nbf: "0" })),
    "a subject that is an object": signToken(own, claims({ sub: { sub: "root" } })),
    "an unknown verb": signToken(own, claims({ kv: [{ prefix: "", verbs: ["root"] }] })),
    "a grant with more fields": signToken(own, claims({ kv: [{ ...kv[0], all: true }] })),
    "more grants than allowed": signToken(own, claims({ kv: Array(65).fill(kv[0]) })),
    "a token of 8193 characters and more": signToken(own, claims({ pad: "x".repeat(8_000) })),
  };
  for (const [attack, token] of Object.entries(forged)) {
    const { detail } = await refusalOf(await ask(token), 401, "TOKEN_INVALID");
    assert.equal(detail, "The token was refused.", attack);
  }
  await target.isUnharmed();
});

test("times are held to the second of the tolerance", DEADLINE, async () => {
  const at = async (changed: object): Promise<string> => {
    const answer = await ask(signToken(own, claims(changed)));
    return ((await answer.json()) as { readonly code: string }).code;
  };
  assert.equal(await at({ exp: now() - 31 }), "TOKEN_EXPIRED");
  assert.equal(await at({ exp: now() + 0.5 }), "KEY_NOT_FOUND", "a fraction is a number");
  assert.equal(await at({ nbf: now() + 60 }), "TOKEN_NOT_YET_VALID");
  assert.equal(await at({ iat: now() + 60 }), "TOKEN_NOT_YET_VALID");
  assert.equal(await at({ nbf: now() + 20 }), "KEY_NOT_FOUND");
});

test("the claim of a foreign issuer grants nothing, whatever it says", DEADLINE, async () => {
  const root = claims({ iss: foreign, sub: "alice", kv });
  const token = signToken(foreignKeys.signer, root, { kid: "k1" });
  assert.equal((await ask(token)).status, 404, "what the policies give alice");
  await refusalOf(await ask(token, "other"), 403, "FORBIDDEN");
  const status = { headers: { authorization: `Bearer ${token}` } };
  await refusalOf(await target.send("/v1/status", status), 403, "FORBIDDEN");
  const bob = claims({ iss: foreign, sub: "bob", kv, __proto__: { sub: "alice" } });
  const ofBob = signToken(foreignKeys.signer, bob, { kid: "k1" });
  await refusalOf(await ask(ofBob), 403, "FORBIDDEN");
});

test(
  "a token that is remembered is forgotten with the policy that let it in",
  DEADLINE,
  async () => {
    const alice = claims({ iss: foreign, sub: "alice" });
    const token = signToken(foreignKeys.signer, alice, { kid: "k1" });
    for (let i = 0; i < 3; i += 1) assert.equal((await ask(token)).status, 404);
    writeFileSync(policiesFile, policies("carol"));
    await eventually("alice is out", async () => (await ask(token)).status === 403);
  },
);

test("a token counts in its header alone", DEADLINE, async () => {
  const token = signToken(own, claims());
  const without = (path: string, headers: Record<string, string>): Promise<Response> =>
    fetchOnce(`${target.node.clientAddress}${path}`, { headers });
  const attempts: readonly Promise<Response>[] = [
    without("/v1/kv/a", { cookie: `token=${token}` }),
    without("/v1/kv/a", { "x-authorization": `Bearer ${token}` }),
    without("/v1/kv/a", { authorization: `Basic ${token}` }),
    without("/v1/kv/a", { authorization: token }),
    without(`/v1/kv/a?access_token=${token}`, {}),
  ];
  for (const answer of await Promise.all(attempts)) {
    await refusalOf(answer, 401, "UNAUTHENTICATED");
  }
  const twice = await without("/v1/kv/a", { authorization: `Bearer ${token} ${token}` });
  assert.equal(twice.status, 401);
});
