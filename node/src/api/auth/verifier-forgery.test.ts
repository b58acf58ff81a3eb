import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { type Algorithm, algorithms } from "./algorithms.ts";
import {
  goodClaims,
  makeFolder,
  makeKeyPair,
  makeSecret,
  makeSpec,
  nowMs,
  type Signer,
  signToken,
  unsignedToken,
} from "./auth.test-kit.ts";
import { makeSecretVerifier, makeVerifier, reasonOf } from "./verifier.test-kit.ts";

test("a good token of each algorithm is accepted, with one bit changed it is not", async () => {
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
