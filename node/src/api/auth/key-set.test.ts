import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { audience, issuer, keySetText, makeKeyPair, makeSecret } from "./auth.test-kit.ts";
import { type KeySet, keySetKeysMax, parseKeySet } from "./key-set.ts";
import type { KeySetSpec } from "./keys.ts";
import { AuthConfigurationError } from "./reasons.ts";

const spec: KeySetSpec = {
  name: "kubernetes",
  issuer,
  audiences: [audience],
  grants: "policies",
  jwksFile: "/etc/jwks.json",
};

const parse = (...keys: readonly object[]): KeySet => parseKeySet(spec, keySetText(...keys));

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof AuthConfigurationError &&
  error.message.startsWith('auth key "kubernetes": /etc/jwks.json ') &&
  message.test(error.message);

const rsa = makeKeyPair("RS256");
const p256 = makeKeyPair("ES256");

test("a key without alg is pinned to what its type implies", () => {
  for (const algorithm of ["RS256", "ES256", "ES384", "ES512", "EdDSA"] as const) {
    const { keys, skipped } = parse({ ...makeKeyPair(algorithm).publicJwk, kid: "k" });
    assert.deepEqual(
      keys.map((key) => [key.algorithm, key.keyId, key.name, key.issuer, key.grants]),
      [[algorithm, "k", "kubernetes/k", issuer, "policies"]],
    );
    assert.deepEqual(skipped, []);
  }
});

test("a key is pinned to the alg it names, when that fits its type", () => {
  const { keys } = parse({ ...rsa.publicJwk, alg: "PS384", use: "sig" });
  assert.deepEqual([keys[0]?.algorithm, keys[0]?.keyId], ["PS384", null]);
  assert.equal(keys[0]?.name, `kubernetes/${keys[0]?.fingerprint}`);
});

test("keys of another purpose, type or strength are passed over, and told", () => {
  const jwkOf = (publicKey: { export(options: { format: "jwk" }): object }): object =>
    publicKey.export({ format: "jwk" });
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const secp = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey;
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ ...rsa.publicJwk, use: "enc" }, /use is not sig/],
    [{ ...rsa.publicJwk, key_ops: ["encrypt"] }, /no verify/],
    [{ ...rsa.publicJwk, alg: "RSA-OAEP" }, /not supported/],
    [{ ...rsa.publicJwk, alg: "HS256" }, /not supported/],
    [{ ...rsa.publicJwk, alg: "none" }, /not supported/],
    [{ ...rsa.publicJwk, alg: "ES256" }, /ES256 needs a key on prime256v1/],
    [{ ...p256.publicJwk, alg: "ES384" }, /ES384 needs a key on secp384r1/],
    [{ ...p256.publicJwk, alg: "RS256" }, /RS256 needs an RSA key/],
    [{ ...rsa.publicJwk, kid: 7 }, /kid is not a short text/],
    [{ ...rsa.publicJwk, kid: "x".repeat(257) }, /kid is not a short text/],
    [jwkOf(weak), /at least 2048 bits, this has 1024/],
    [jwkOf(secp), /not supported/],
    [jwkOf(generateKeyPairSync("x25519").publicKey), /not supported/],
    [jwkOf(generateKeyPairSync("ed448").publicKey), /not supported/],
    [{ kty: "LATTICE", kid: "new" }, /new: .*not supported/],
    [{ kty: "RSA", n: "AQAB" }, /no valid key/],
    [{ ...p256.publicJwk, y: p256.publicJwk["x"] }, /no valid key/],
  ];
  for (const [jwk, message] of cases) {
    const { keys, skipped } = parse(jwk, { ...p256.publicJwk, kid: "good" });
    assert.deepEqual(
      keys.map((key) => key.keyId),
      ["good"],
      String(message),
    );
    assert.match(skipped.join("\n"), message);
    assert.throws(() => parse(jwk), refused(/has no key that verifies tokens/));
  }
});

test("a private key or a secret in a key set refuses the whole file and is not repeated", () => {
  const secret = makeSecret().secret.toString("base64url");
  const rsaPair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const cases: readonly (readonly [object, RegExp])[] = [
    [rsaPair.privateKey.export({ format: "jwk" }), /holds a private key/],
    [p256.signer.privateKey.export({ format: "jwk" }), /holds a private key/],
    [makeKeyPair("EdDSA").signer.privateKey.export({ format: "jwk" }), /holds a private key/],
    [{ kty: "oct", k: secret, kid: "s" }, /holds a secret/],
    [{ kty: "oct", use: "enc", k: secret }, /holds a secret/],
    [{ ...rsa.publicJwk, use: "enc", d: "AQAB" }, /holds a private key/],
  ];
  for (const [jwk, message] of cases) {
    assert.throws(
      () => parse({ ...p256.publicJwk, kid: "good" }, jwk),
      (error) => refused(message)(error) && !String(error).includes(secret),
    );
  }
});

test("what is no key set, an empty one and one without end are refused by name", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /is empty/],
    ["  \n", /is empty/],
    ["{", /is not JSON/],
    ["[]", /is no key set/],
    ["{}", /is no key set/],
    ['{"keys":{}}', /is no key set/],
    ['{"keys":["x"]}', /is no key set/],
    ['{"keys":[]}', /its list is empty/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseKeySet(spec, text), refused(message), text);
  }
  const many = (count: number): object[] =>
    Array.from({ length: count }, (_, i) => ({ ...p256.publicJwk, kid: `k${i}` }));
  assert.equal(parse(...many(keySetKeysMax)).keys.length, keySetKeysMax);
  assert.throws(() => parse(...many(keySetKeysMax + 1)), refused(/has 33 keys, the limit is 32/));
});

test("a key that is listed twice is one key; two keys may share an id", () => {
  const one = { ...p256.publicJwk, kid: "k" };
  assert.equal(parse(one, one).keys.length, 1);
  assert.equal(parse(one, { ...makeKeyPair("ES256").publicJwk, kid: "k" }).keys.length, 2);
});

test("a message about broken JSON does not repeat the file", () => {
  const word = "correct-horse";
  assert.throws(
    () => parseKeySet(spec, `{"k": ${word}`),
    (error) => !String(error).includes(word),
  );
});
