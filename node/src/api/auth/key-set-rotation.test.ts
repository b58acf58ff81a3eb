import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { ApiError } from "../api-error.ts";
import {
  goodClaims,
  keySetText,
  makeAuthConfig,
  makeFolder,
  makeKeyConfig,
  makeKeyPair,
  makeKeySetConfig,
  makeRecordingLog,
  makeSecret,
  nowMs,
  type RecordingLog,
  type Signer,
  signToken,
  type TestFolder,
} from "./auth.test-kit.ts";
import { type Auth, openAuth } from "./auth.ts";
import { AuthConfigurationError } from "./reasons.ts";

const cluster = "https://kubernetes.default.svc";
const [first, second] = [makeKeyPair("RS256"), makeKeyPair("RS256")];
const jwk = (pair: typeof first, kid: string): object => ({
  ...pair.publicJwk,
  use: "sig",
  alg: "RS256",
  kid,
});

interface Opened extends Disposable {
  readonly auth: Auth;
  readonly log: RecordingLog;
  readonly jwksFile: string;
  readonly secretFile: string;
  /** "identity" or the code of the refusal. */
  ask(signer: Signer, kid?: string): string;
  askOurs(signer: Signer): string;
}

async function open(folder: TestFolder, jwks: string): Promise<Opened> {
  const jwksFile = folder.write("jwks.json", jwks, 0o644);
  const secretFile = folder.write("secret", makeSecret().secret);
  const log = makeRecordingLog();
  const keys = [
    makeKeyConfig({ file: secretFile }),
    makeKeySetConfig({ name: "kubernetes", jwksFile, issuer: cluster }),
  ];
  const auth = await openAuth({ config: makeAuthConfig(keys), log, nowMs: () => nowMs });
  const codeOf = (token: string): string => {
    try {
      auth.authorizer.authenticate(`Bearer ${token}`);
      return "identity";
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
      return error.code;
    }
  };
  return {
    ...{ auth, log, jwksFile, secretFile },
    ask: (signer, kid) =>
      codeOf(
        signToken(signer, { ...goodClaims(), iss: cluster }, kid === undefined ? {} : { kid }),
      ),
    askOurs: (signer) => codeOf(signToken(signer, goodClaims())),
    [Symbol.dispose]: () => auth.close(),
  };
}

test("a rotation brings the new key in and puts the old one out, at once", async () => {
  using folder = makeFolder();
  using opened = await open(folder, keySetText(jwk(first, "1")));
  assert.equal(opened.ask(first.signer, "1"), "identity");
  assert.equal(opened.ask(second.signer, "2"), "TOKEN_INVALID");
  writeFileSync(opened.jwksFile, keySetText(jwk(first, "1"), jwk(second, "2")));
  await opened.auth.reload();
  assert.equal(opened.ask(first.signer, "1"), "identity");
  assert.equal(opened.ask(second.signer, "2"), "identity");
  assert.equal(opened.ask(second.signer), "identity", "without kid each key is tried");
  assert.equal(opened.ask(second.signer, "1"), "TOKEN_INVALID", "the kid of another key");
  writeFileSync(opened.jwksFile, keySetText(jwk(second, "2")));
  await opened.auth.reload();
  // Verified and remembered before: it must be forgotten with its key.
  assert.equal(opened.ask(first.signer, "1"), "TOKEN_INVALID");
  assert.equal(opened.ask(second.signer, "2"), "identity");
  assert.equal(opened.auth.stats().reloads.jwks.reloads, 2);
});

test("a broken new file keeps the old keys, is told, and holds up no other file", async () => {
  using folder = makeFolder();
  using opened = await open(folder, keySetText(jwk(first, "1")));
  const privateJwk = first.signer.privateKey.export({ format: "jwk" });
  for (const broken of ["", "{", '{"keys":[]}', keySetText(jwk(second, "2"), privateJwk)]) {
    writeFileSync(opened.jwksFile, broken);
    await opened.auth.reload();
    assert.equal(opened.ask(first.signer, "1"), "identity");
    assert.equal(opened.ask(second.signer, "2"), "TOKEN_INVALID");
    assert.equal(opened.auth.stats().reloads.jwks.stale, true);
  }
  rmSync(opened.jwksFile);
  await opened.auth.reload();
  assert.equal(opened.ask(first.signer, "1"), "identity", "a file that is gone");
  const { keys, jwks } = opened.auth.stats().reloads;
  assert.deepEqual([keys.stale, jwks.stale, jwks.failures], [false, true, 5]);
  assert.match(opened.log.lines.join("\n"), /"source":"jwks","error":"auth key .*jwks\.json/);
  const fresh = makeSecret();
  writeFileSync(opened.secretFile, fresh.secret);
  await opened.auth.reload();
  assert.equal(opened.askOurs(fresh), "identity", "the secret was changed all the same");
  writeFileSync(opened.jwksFile, keySetText(jwk(second, "2")));
  await opened.auth.reload();
  assert.equal(opened.auth.stats().reloads.jwks.stale, false);
  assert.equal(opened.ask(second.signer, "2"), "identity");
});

test("a node does not start without its key set", async () => {
  using folder = makeFolder();
  for (const text of ["", '{"keys":[]}']) {
    await assert.rejects(open(folder, text), AuthConfigurationError);
  }
  const jwksFile = `${folder.path}/none.json`;
  const config = makeAuthConfig([makeKeySetConfig({ jwksFile })]);
  const opening = openAuth({ config, log: makeRecordingLog(), nowMs: () => nowMs });
  await assert.rejects(opening, /cannot read .*none\.json.*ENOENT/);
});

test("a node starts without an optional key, and takes it once it is there", async () => {
  using folder = makeFolder();
  const jwksFile = folder.write("jwks.json", keySetText(jwk(first, "1")), 0o644);
  const foreign = folder.write("foreign.pem", "no key", 0o644);
  const keys = [
    makeKeyConfig({ file: folder.write("secret", makeSecret().secret) }),
    makeKeySetConfig({ name: "kubernetes", jwksFile, issuer: cluster }),
    makeKeySetConfig({ name: "a", jwksFile: `${folder.path}/a.json`, optional: true }),
    makeKeyConfig({ name: "b", algorithm: "RS256", file: foreign, optional: true }),
  ];
  const log = makeRecordingLog();
  const auth = await openAuth({ config: makeAuthConfig(keys), log, nowMs: () => nowMs });
  const names = (): readonly string[] => auth.stats().keys.map(({ name }) => name);
  assert.deepEqual(names(), ["test", "kubernetes/1"]);
  assert.deepEqual(
    [auth.stats().reloads.keys.stale, auth.stats().reloads.jwks.stale],
    [true, true],
  );
  assert.match(log.lines.join(""), /a\.json.*ENOENT/);
  writeFileSync(jwksFile, keySetText(jwk(second, "2")));
  await auth.reload();
  assert.deepEqual(names(), ["test", "kubernetes/2"], "nobody waits for the broken one");
  folder.write("a.json", keySetText(jwk(first, "1")), 0o644);
  await auth.reload();
  assert.deepEqual(names(), ["test", "kubernetes/2", "a/1"]);
  assert.equal(auth.stats().reloads.jwks.stale, false);
  auth.close();
});

test("keys that cannot be used are told in the log, and status names those that can", async () => {
  using folder = makeFolder();
  const odd = { kty: "LATTICE", kid: "odd" };
  using opened = await open(folder, keySetText(jwk(first, "1"), odd));
  assert.match(opened.log.lines.join("\n"), /odd: its type, curve or algorithm is not supported/);
  const names = opened.auth.stats().keys.map(({ name, algorithm }) => `${name} ${algorithm}`);
  assert.deepEqual(names, ["test HS256", "kubernetes/1 RS256"]);
});
