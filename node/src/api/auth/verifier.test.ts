import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { type Algorithm, algorithms } from "./algorithms.ts";
import {
  audience,
  goodClaims,
  issuer,
  makeFolder,
  makeKeyPair,
  makeSecret,
  makeSpec,
  nowMs,
  nowSeconds,
  type Signer,
  signToken,
  type TestFolder,
  unsignedToken,
} from "./auth.test-kit.ts";
import { type AuthKeySpec, loadKeys } from "./keys.ts";
import { noPolicies, parsePolicies } from "./policies.ts";
import type { AuthFailureReason } from "./reasons.ts";
import { createVerifier, type Verifier, type VerifierLimits } from "./verifier.ts";

const limits: VerifierLimits = {
  clockSkewSeconds: 30,
  lifetimeSecondsMax: null,
  tokenCharsMax: 8192,
  cachedTokensMax: 100,
};

async function makeVerifier(
  specs: readonly AuthKeySpec[],
  overrides: Partial<VerifierLimits> = {},
): Promise<Verifier> {
  const rules = { keys: await loadKeys(specs), policies: noPolicies };
  return createVerifier(rules, { ...limits, ...overrides });
}

async function makeSecretVerifier(
  folder: TestFolder,
  overrides: Partial<VerifierLimits> = {},
): Promise<{ verifier: Verifier; signer: Signer; secret: Buffer }> {
  const signer = makeSecret();
  const spec = makeSpec({ file: folder.write("secret", signer.secret) });
  return { verifier: await makeVerifier([spec], overrides), signer, secret: signer.secret };
}

function reasonOf(verifier: Verifier, token: string, atMs: number = nowMs): string {
  const outcome = verifier.verify(`Bearer ${token}`, atMs);
  return outcome.type === "refused" ? outcome.reason : outcome.type;
}

test("a good token of each algorithm is accepted, and refused with one bit of it changed", async () => {
  using folder = makeFolder();
  for (const algorithm of algorithms) {
    if (algorithm === "HS256") continue;
    const pair = makeKeyPair(algorithm);
    const file = folder.write(`${algorithm}.pem`, pair.publicPem);
    const verifier = await makeVerifier([makeSpec({ algorithm, file })]);
    const token = signToken(pair.signer, goodClaims());
    assert.equal(reasonOf(verifier, token), "identity", algorithm);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const bytes = Buffer.from(signature, "base64url");
    bytes.writeUInt8(bytes.readUInt8(7) ^ 1, 7);
    const changed = `${header}.${payload}.${bytes.toString("base64url")}`;
    assert.equal(reasonOf(verifier, changed), "signatureInvalid", algorithm);
    const other = Buffer.from(JSON.stringify({ ...goodClaims(), sub: "root" }));
    const swapped = `${header}.${other.toString("base64url")}.${signature}`;
    assert.equal(reasonOf(verifier, swapped), "signatureInvalid", algorithm);
  }
});

test("a verified token tells subject, issuer, key and its own grants", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const outcome = verifier.verify(`Bearer ${signToken(signer, goodClaims())}`, nowMs);
  assert.equal(outcome.type, "identity");
  if (outcome.type !== "identity") return;
  assert.deepEqual([outcome.subject, outcome.issuer, outcome.keyName], ["alice", issuer, "test"]);
  assert.equal(Buffer.from(outcome.grants[0]?.start ?? []).toString(), "app/");
});

test("a token without signature is refused, however alg spells none", async () => {
  using folder = makeFolder();
  const { verifier, secret } = await makeSecretVerifier(folder);
  for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
    assert.equal(reasonOf(verifier, unsignedToken(goodClaims(), alg)), "algorithmRefused");
  }
  assert.equal(reasonOf(verifier, unsignedToken(goodClaims(), "HS256")), "signatureInvalid");
  const signedNone = signToken({ algorithm: "HS256", secret }, goodClaims(), { alg: "none" });
  assert.equal(reasonOf(verifier, signedNone), "algorithmRefused");
});

test("a public key is never taken for an HMAC secret", async () => {
  using folder = makeFolder();
  for (const algorithm of ["RS256", "ES256", "EdDSA"] as const) {
    const { publicPem } = makeKeyPair(algorithm);
    const file = folder.write(`${algorithm}.pem`, publicPem);
    const verifier = await makeVerifier([makeSpec({ algorithm, file })]);
    for (const secret of [publicPem, publicPem.trimEnd()]) {
      const signer: Signer = { algorithm: "HS256", secret: Buffer.from(secret) };
      assert.equal(reasonOf(verifier, signToken(signer, goodClaims())), "algorithmRefused");
      const claimed = signToken(signer, goodClaims(), { alg: algorithm });
      assert.equal(reasonOf(verifier, claimed), "signatureInvalid");
    }
  }
});

test("a key works under its own algorithm only, even where another would fit it", async () => {
  using folder = makeFolder();
  const pair = makeKeyPair("RS256");
  const file = folder.write("rsa.pem", pair.publicPem);
  const verifier = await makeVerifier([makeSpec({ algorithm: "RS256", file })]);
  const others: readonly Exclude<Algorithm, "HS256">[] = ["RS384", "RS512", "PS256", "PS512"];
  for (const algorithm of others) {
    const token = signToken({ algorithm, privateKey: pair.signer.privateKey }, goodClaims());
    assert.equal(reasonOf(verifier, token), "algorithmRefused");
  }
  const { verifier: hmac, secret } = await makeSecretVerifier(folder);
  const token = signToken({ algorithm: "HS256", secret }, goodClaims(), { alg: "HS512" });
  assert.equal(reasonOf(hmac, token), "algorithmRefused");
});

test("keys that a header brings along are not looked at", async () => {
  using folder = makeFolder();
  const { verifier } = await makeSecretVerifier(folder);
  const attacker = makeSecret();
  const jwk = { kty: "oct", k: attacker.secret.toString("base64url") };
  for (const header of [
    { jwk },
    { jku: "http://127.0.0.1:1/keys.json" },
    { x5u: "http://127.0.0.1:1/cert.pem" },
    { x5c: ["AAAA"] },
    { jwk, kid: "../../../../dev/null" },
  ]) {
    const reason = reasonOf(verifier, signToken(attacker, goodClaims(), header));
    assert.equal(reason, "signatureInvalid");
  }
});

test("critical extensions and tokens of another type are refused", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  for (const header of [{ crit: ["b64"], b64: false }, { crit: [] }, { typ: "dpop+jwt" }]) {
    assert.equal(reasonOf(verifier, signToken(signer, goodClaims(), header)), "tokenMalformed");
  }
  for (const header of [{ typ: "at+jwt" }, { typ: "jwt" }, { typ: undefined }]) {
    assert.equal(reasonOf(verifier, signToken(signer, goodClaims(), header)), "identity");
  }
});

test("garbage is refused without an exception", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const good = signToken(signer, goodClaims());
  const [header = "", payload = "", signature = ""] = good.split(".");
  const json = (text: string): string => Buffer.from(text).toString("base64url");
  const notUtf8 = Buffer.from([0x7b, 0xff, 0x7d]).toString("base64url");
  const bad = [
    "x",
    "..",
    "a.b",
    "a.b.c.d",
    `${good}.`,
    `${good}=`,
    `\t${good}`,
    `${header}.${payload}`,
    `${header}..${signature}`,
    `${json("[]")}.${payload}.${signature}`,
    `${json("null")}.${payload}.${signature}`,
    `${json('{"alg":["HS256"]}')}.${payload}.${signature}`,
    `${json('{"alg":"HS256","kid":7}')}.${payload}.${signature}`,
    `${header}.${json("7")}.${signature}`,
    `${header}.${json("{")}.${signature}`,
    `${header}.${notUtf8}.${signature}`,
  ];
  for (const token of bad) {
    const reason = reasonOf(verifier, token);
    assert.ok(reason === "tokenMalformed" || reason === "schemeUnsupported", `${token}: ${reason}`);
  }
});

test("a token has one spelling: unused bits of base64url must be zero", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const token = signToken(signer, goodClaims());
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.slice(-1));
  const other = token.slice(0, -1) + alphabet.charAt(last ^ 1);
  assert.deepEqual(
    Buffer.from(other.slice(-43), "base64url"),
    Buffer.from(token.slice(-43), "base64url"),
    "a lenient decoder reads the same bytes",
  );
  assert.equal(reasonOf(verifier, other), "tokenMalformed");
});

test("issuer, audience and times are required and exact", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const cases: readonly (readonly [AuthFailureReason | "identity", object])[] = [
    ["issuerUnknown", { iss: "https://other.test" }],
    ["issuerUnknown", { iss: `${issuer}/` }],
    ["issuerUnknown", { iss: undefined }],
    ["issuerUnknown", { iss: [issuer] }],
    ["audienceWrong", { aud: "other" }],
    ["audienceWrong", { aud: undefined }],
    ["audienceWrong", { aud: [] }],
    ["audienceWrong", { aud: `${audience}x` }],
    ["audienceWrong", { aud: { 0: audience } }],
    ["identity", { aud: ["other", audience] }],
    ["claimsInvalid", { exp: undefined }],
    ["claimsInvalid", { exp: "9999999999" }],
    ["claimsInvalid", { exp: null }],
    ["claimsInvalid", { exp: 1e300 }],
    ["claimsInvalid", { exp: -1 }],
    ["claimsInvalid", { nbf: "0" }],
    ["claimsInvalid", { iat: true }],
    ["claimsInvalid", { sub: 7 }],
    ["identity", { sub: undefined }],
    ["identity", { nbf: undefined, iat: undefined }],
  ];
  for (const [expected, change] of cases) {
    const token = signToken(signer, { ...goodClaims(), ...change });
    assert.equal(reasonOf(verifier, token), expected, JSON.stringify(change));
  }
});

test("the clock skew is allowed to the second, and no more", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const at = (change: object): string => {
    return reasonOf(verifier, signToken(signer, { ...goodClaims(), ...change }));
  };
  assert.equal(at({ exp: nowSeconds - 29 }), "identity");
  assert.equal(at({ exp: nowSeconds - 30 }), "tokenExpired");
  assert.equal(at({ nbf: nowSeconds + 30 }), "identity");
  assert.equal(at({ nbf: nowSeconds + 31 }), "tokenNotYetValid");
  assert.equal(at({ iat: nowSeconds + 30 }), "identity");
  assert.equal(at({ iat: nowSeconds + 31 }), "tokenNotYetValid");
});

test("a wrong token is never called expired: that is said of good ones only", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const expired = { ...goodClaims(), exp: nowSeconds - 3600 };
  assert.equal(reasonOf(verifier, signToken(signer, expired)), "tokenExpired");
  assert.equal(reasonOf(verifier, signToken(makeSecret(), expired)), "signatureInvalid");
  const elsewhere = signToken(signer, { ...expired, aud: "other" });
  assert.equal(reasonOf(verifier, elsewhere), "audienceWrong");
});

test("a longest lifetime, when set, is held and needs iat", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder, { lifetimeSecondsMax: 600 });
  const lived = (iat: number | undefined, exp: number): string =>
    reasonOf(verifier, signToken(signer, { ...goodClaims(), iat, exp }));
  assert.equal(lived(nowSeconds, nowSeconds + 600), "identity");
  assert.equal(lived(nowSeconds, nowSeconds + 601), "lifetimeTooLong");
  assert.equal(lived(undefined, nowSeconds + 600), "lifetimeTooLong");
});

test("several keys of several issuers are told apart by kid, issuer and algorithm", async () => {
  using folder = makeFolder();
  const [first, second, third] = [makeSecret(), makeSecret(), makeSecret()];
  const foreign = makeKeyPair("ES256");
  const other = "https://other.test";
  const specs = [
    makeSpec({ name: "a", keyId: "k1", file: folder.write("a", first.secret) }),
    makeSpec({ name: "b", keyId: "k2", file: folder.write("b", second.secret) }),
    makeSpec({ name: "c", file: folder.write("c", third.secret) }),
    makeSpec({
      name: "d",
      algorithm: "ES256",
      issuer: other,
      file: folder.write("d", foreign.publicPem),
    }),
  ];
  const verifier = await makeVerifier(specs);
  const keyOf = (signer: Signer, header: object, claims: object = goodClaims()): string => {
    const outcome = verifier.verify(`Bearer ${signToken(signer, claims, header)}`, nowMs);
    return outcome.type === "identity" ? outcome.keyName : outcome.reason;
  };
  assert.equal(keyOf(first, { kid: "k1" }), "a");
  assert.equal(keyOf(second, { kid: "k2" }), "b");
  assert.equal(keyOf(second, {}), "b", "without kid each key of issuer and algorithm is tried");
  assert.equal(keyOf(first, { kid: "k2" }), "signatureInvalid", "kid is believed, not searched");
  assert.equal(keyOf(third, { kid: "unheard" }), "c", "a key without id takes any other kid");
  assert.equal(keyOf(foreign.signer, {}, { ...goodClaims(), iss: other }), "d");
  assert.equal(keyOf(foreign.signer, {}), "algorithmRefused", "another issuer's name");
  assert.equal(keyOf(first, {}, { ...goodClaims(), iss: other }), "algorithmRefused");
});

test("a kid that no key has is refused when every key has one", async () => {
  using folder = makeFolder();
  const signer = makeSecret();
  const spec = makeSpec({ keyId: "k1", file: folder.write("a", signer.secret) });
  const verifier = await makeVerifier([spec]);
  assert.equal(reasonOf(verifier, signToken(signer, goodClaims(), { kid: "k2" })), "keyUnknown");
});

test("only a trusted key's tokens grant themselves rights; policies add to both", async () => {
  using folder = makeFolder();
  const signer = makeSecret();
  const spec = makeSpec({ grants: "policies", file: folder.write("a", signer.secret) });
  const policies = parsePolicies(
    `policies: [{name: p, match: {iss: "${issuer}", sub: alice}, grants: [{prefix: x/, verbs: [read]}]}]`,
    "test",
  );
  const prefixesFor = async (grants: AuthKeySpec["grants"]): Promise<string[]> => {
    const rules = { keys: await loadKeys([{ ...spec, grants }]), policies };
    const token = signToken(signer, goodClaims());
    const outcome = createVerifier(rules, limits).verify(`Bearer ${token}`, nowMs);
    if (outcome.type !== "identity") return [outcome.reason];
    return outcome.grants.map((grant) => Buffer.from(grant.start).toString());
  };
  assert.deepEqual(await prefixesFor("policies"), ["x/"]);
  assert.deepEqual(await prefixesFor("trusted"), ["app/", "x/"]);
});

test("a kv claim that is not exactly right refuses the whole token", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const withKv = (kv: unknown): string =>
    reasonOf(verifier, signToken(signer, { ...goodClaims(), kv }));
  const grant = { prefix: "a/", verbs: ["read"] };
  const bad: readonly unknown[] = [
    {},
    "read",
    null,
    [null],
    [{ prefix: "a/" }],
    [{ verbs: ["read"] }],
    [{ ...grant, verbs: [] }],
    [{ ...grant, verbs: "read" }],
    [{ ...grant, verbs: ["READ"] }],
    [{ ...grant, verbs: ["read", "own"] }],
    [{ ...grant, prefix: 7 }],
    [{ ...grant, prefix: ["a/"] }],
    [{ ...grant, prefix: "\ud800" }],
    [{ ...grant, prefix: "x".repeat(4097) }],
    [{ ...grant, expires: 1 }],
    Array.from({ length: 65 }, () => grant),
  ];
  for (const kv of bad) assert.equal(withKv(kv), "claimsInvalid", JSON.stringify(kv)?.slice(0, 80));
  for (const kv of [undefined, [], [grant], Array.from({ length: 64 }, () => grant)]) {
    assert.equal(withKv(kv), "identity");
  }
});

test("a token at the size limit is read, one character more is not even hashed", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder, { tokenCharsMax: 1000 });
  const sized = (pad: number): string =>
    signToken(signer, { ...goodClaims(), pad: "x".repeat(pad) });
  const fits = Array.from({ length: 600 }, (_, i) => sized(i)).filter((t) => t.length <= 1000);
  const longest = fits.at(-1) ?? "";
  assert.ok(longest.length >= 998);
  assert.equal(reasonOf(verifier, longest), "identity");
  assert.equal(reasonOf(verifier, sized(700)), "tokenTooLarge");
  assert.equal(verifier.counters().cacheMisses, 1);
});

test("the scheme is Bearer in any case and nothing else", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const token = signToken(signer, goodClaims());
  const outcomeOf = (header: string | undefined): string => {
    const outcome = verifier.verify(header, nowMs);
    return outcome.type === "refused" ? outcome.reason : outcome.type;
  };
  for (const scheme of ["Bearer ", "bearer ", "BEARER ", "Bearer  "]) {
    assert.equal(outcomeOf(scheme + token), "identity");
  }
  assert.equal(outcomeOf(undefined), "tokenMissing");
  assert.equal(outcomeOf(""), "tokenMissing");
  for (const header of [token, "Bearer", "Bearer ", `Basic ${token}`, `Bearer${token}`]) {
    assert.match(outcomeOf(header), /schemeUnsupported|tokenMalformed/);
  }
  assert.equal(outcomeOf(`Bearer ${token} ${token}`), "tokenMalformed");
  assert.equal(outcomeOf(`Bearer ${token}, Bearer ${token}`), "tokenMalformed");
});

test("a remembered token is let in without its signature being computed again", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const header = `Bearer ${signToken(signer, goodClaims())}`;
  const first = verifier.verify(header, nowMs);
  assert.equal(verifier.verify(header, nowMs), first, "the very same identity");
  const { cacheHits, cacheMisses, cachedTokens } = verifier.counters();
  assert.deepEqual([cacheHits, cacheMisses, cachedTokens], [1, 1, 1]);
});

test("a remembered token still expires, and is not valid before its time", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const token = signToken(signer, { ...goodClaims(), exp: nowSeconds + 100 });
  assert.equal(reasonOf(verifier, token), "identity");
  assert.equal(reasonOf(verifier, token, nowMs + 130_000 - 1), "identity");
  assert.equal(reasonOf(verifier, token, nowMs + 130_000), "tokenExpired");
  assert.equal(verifier.counters().cachedTokens, 0, "and is forgotten");
  assert.equal(reasonOf(verifier, token), "identity");
  assert.equal(reasonOf(verifier, token, nowMs - 41_000), "tokenNotYetValid", "a clock set back");
});

test("refused tokens are not remembered, and memory is bounded", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder, { cachedTokensMax: 3 });
  const stranger = makeSecret();
  for (let i = 0; i < 10; i += 1) {
    assert.equal(
      reasonOf(verifier, signToken(stranger, { ...goodClaims(), i })),
      "signatureInvalid",
    );
  }
  assert.equal(verifier.counters().cachedTokens, 0);
  for (let i = 0; i < 10; i += 1) {
    assert.equal(reasonOf(verifier, signToken(signer, { ...goodClaims(), i })), "identity");
  }
  assert.equal(verifier.counters().cachedTokens, 3);
});

test("other rules apply to the very next request of a remembered token", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const token = signToken(signer, goodClaims());
  assert.equal(reasonOf(verifier, token), "identity");
  const spec = makeSpec({ file: folder.write("next", makeSecret().secret) });
  verifier.setRules({ keys: await loadKeys([spec]), policies: noPolicies });
  assert.equal(reasonOf(verifier, token), "signatureInvalid");
});

test("an HMAC that is right for the first bytes only is refused", async () => {
  using folder = makeFolder();
  const { verifier, secret } = await makeSecretVerifier(folder);
  const [header = "", payload = ""] = signToken({ algorithm: "HS256", secret }, goodClaims()).split(
    ".",
  );
  const mac = createHmac("sha256", secret).update(`${header}.${payload}`).digest();
  for (const length of [0, 1, 16, 31]) {
    const cut = mac.subarray(0, length).toString("base64url");
    assert.equal(reasonOf(verifier, `${header}.${payload}.${cut}`), "signatureInvalid");
  }
});
