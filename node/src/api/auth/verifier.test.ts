import assert from "node:assert/strict";
import { test } from "node:test";
import {
  audience,
  goodClaims,
  issuer,
  makeFolder,
  makeSecret,
  makeSpec,
  nowMs,
  nowSeconds,
  signToken,
} from "./auth.test-kit.ts";
import { type AuthKeySpec, loadKeys } from "./keys.ts";
import { noPolicies, parsePolicies } from "./policies.ts";
import type { AuthFailureReason } from "./reasons.ts";
import { limits, makeSecretVerifier, reasonOf } from "./verifier.test-kit.ts";
import { createVerifier } from "./verifier.ts";

test("a verified token tells subject, issuer, key and its own grants", async () => {
  using folder = makeFolder();
  const { verifier, signer } = await makeSecretVerifier(folder);
  const outcome = verifier.verify(`Bearer ${signToken(signer, goodClaims())}`, nowMs);
  assert.equal(outcome.type, "identity");
  if (outcome.type !== "identity") return;
  assert.deepEqual([outcome.subject, outcome.issuer, outcome.keyName], ["alice", issuer, "test"]);
  assert.equal(Buffer.from(outcome.grants[0]?.start ?? []).toString(), "app/");
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

test("only a trusted key's tokens grant themselves rights; policies add to both", async () => {
  using folder = makeFolder();
  const signer = makeSecret();
  const spec = makeSpec({ grants: "policies", file: folder.write("a", signer.secret) });
  const policies = parsePolicies(
    JSON.stringify({
      policies: [
        {
          name: "p",
          match: { iss: issuer, sub: "alice" },
          grants: [{ prefix: "x/", verbs: ["read"] }],
        },
      ],
    }),
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
