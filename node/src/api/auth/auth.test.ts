import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { ApiError } from "../api-error.ts";
import type { Need } from "../authorization.ts";
import {
  goodClaims,
  issuer,
  makeAuthConfig,
  makeFolder,
  makeKeyConfig,
  makeRecordingLog,
  makeSecret,
  nowMs,
  nowSeconds,
  type RecordingLog,
  signToken,
  type TestFolder,
} from "./auth.test-kit.ts";
import { type Auth, openAuth } from "./auth.ts";
import { challengeFor } from "./challenge.ts";
import { failureLinesMax } from "./failure-log.ts";
import { AuthConfigurationError } from "./reasons.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

interface Opened extends Disposable {
  readonly auth: Auth;
  readonly log: RecordingLog;
  readonly signer: ReturnType<typeof makeSecret>;
  readonly secretFile: string;
  readonly policiesFile: string;
}

async function open(folder: TestFolder, policies = "policies: []"): Promise<Opened> {
  const signer = makeSecret();
  const secretFile = folder.write("secret", signer.secret);
  const policiesFile = folder.write("policies.yaml", policies);
  const log = makeRecordingLog();
  const auth = await openAuth({
    config: makeAuthConfig([makeKeyConfig({ file: secretFile })], policiesFile),
    log,
    nowMs: () => nowMs,
  });
  return { auth, log, signer, secretFile, policiesFile, [Symbol.dispose]: () => auth.close() };
}

const codeOf = (work: () => void): string => {
  try {
    work();
    return "allowed";
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return error.code;
  }
};

function mayDo(opened: Opened, claims: object, needs: readonly Need[]): string {
  const { authorizer } = opened.auth;
  const token = signToken(opened.signer, { ...goodClaims(), ...claims });
  return codeOf(() => authorizer.authorize(authorizer.authenticate(`Bearer ${token}`), needs));
}

test("each range of each need must be granted", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  const key = (name: string): { start: Uint8Array; end: null } => ({
    start: bytes(name),
    end: null,
  });
  const check = (needs: readonly Need[]): string => mayDo(opened, {}, needs);
  assert.equal(check([{ verb: "write", ranges: [key("app/a"), key("app/b")] }]), "allowed");
  assert.equal(check([{ verb: "write", ranges: [key("app/a"), key("apq/b")] }]), "FORBIDDEN");
  const range = { start: bytes("app/a"), end: bytes("app0") };
  assert.equal(check([{ verb: "read", ranges: [range] }]), "allowed");
  const wide = { start: bytes("app/a"), end: bytes("app1") };
  assert.equal(check([{ verb: "read", ranges: [range, wide] }]), "FORBIDDEN");
  const mixed: Need[] = [
    { verb: "read", ranges: [key("app/a")] },
    { verb: "write", ranges: [key("other")] },
  ];
  assert.equal(check(mixed), "FORBIDDEN");
});

test("admin needs the verb on the empty prefix; other verbs there do not include it", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  const admin: Need[] = [{ verb: "admin", ranges: [] }];
  const kv = (prefix: string, ...verbs: string[]): object => ({ kv: [{ prefix, verbs }] });
  assert.equal(mayDo(opened, kv("", "admin"), admin), "allowed");
  assert.equal(mayDo(opened, kv("app/", "admin"), admin), "FORBIDDEN");
  assert.equal(mayDo(opened, kv("", "read", "write"), admin), "FORBIDDEN");
  const read: Need[] = [{ verb: "read", ranges: [{ start: bytes("a"), end: null }] }];
  assert.equal(mayDo(opened, kv("", "admin"), read), "FORBIDDEN");
});

test("a token without grants gets nothing, and a need without a key neither", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  const read: Need[] = [{ verb: "read", ranges: [{ start: bytes("app/a"), end: null }] }];
  assert.equal(mayDo(opened, { kv: undefined }, read), "FORBIDDEN");
  assert.equal(mayDo(opened, { kv: [] }, read), "FORBIDDEN");
  assert.equal(mayDo(opened, {}, [{ verb: "write", ranges: [] }]), "FORBIDDEN");
  assert.equal(mayDo(opened, { kv: [] }, []), "allowed", "any authenticated caller");
});

test("an answer says the code alone; the log has the reason, without the token", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  const { authorizer } = opened.auth;
  const answers = new Set<string>();
  const tokens = [
    signToken(makeSecret(), goodClaims()),
    signToken(opened.signer, { ...goodClaims(), aud: "other" }),
    signToken(opened.signer, { ...goodClaims(), iss: "other" }),
    "garbage",
  ];
  for (const token of tokens) {
    assert.throws(
      () => authorizer.authenticate(`Bearer ${token}`),
      (error) =>
        error instanceof ApiError && Boolean(answers.add(`${error.code} ${error.message}`)),
    );
  }
  assert.deepEqual([...answers], ["TOKEN_INVALID The token was refused."]);
  const logged = opened.log.lines.join("\n");
  for (const reason of ["signatureInvalid", "audienceWrong", "issuerUnknown", "tokenMalformed"]) {
    assert.match(logged, new RegExp(reason));
    assert.equal([...opened.auth.stats().failures].find(([name]) => name === reason)?.[1], 1);
  }
  for (const token of tokens) {
    for (const part of token.split(".")) assert.equal(logged.includes(part), false);
  }
});

test("times have codes of their own", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  assert.equal(mayDo(opened, { exp: nowSeconds - 60 }, []), "TOKEN_EXPIRED");
  assert.equal(mayDo(opened, { nbf: nowSeconds + 60 }, []), "TOKEN_NOT_YET_VALID");
  const { authorizer } = opened.auth;
  assert.equal(
    codeOf(() => authorizer.authenticate(undefined)),
    "UNAUTHENTICATED",
  );
});

test("policies and keys are taken anew without a restart, for tokens in use too", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  const read: Need[] = [{ verb: "read", ranges: [{ start: bytes("new/a"), end: null }] }];
  assert.equal(mayDo(opened, {}, read), "FORBIDDEN");
  const match = { iss: issuer, sub: "alice" };
  const grants = [{ prefix: "new/", verbs: ["read"] }];
  writeFileSync(opened.policiesFile, JSON.stringify({ policies: [{ name: "n", match, grants }] }));
  await opened.auth.reload();
  assert.equal(mayDo(opened, {}, read), "allowed");
  writeFileSync(opened.policiesFile, "policies: [{name: n}]");
  await opened.auth.reload();
  assert.equal(mayDo(opened, {}, read), "allowed", "a bad file changes nothing");
  assert.equal(opened.auth.stats().reloads.policies.stale, true);
  writeFileSync(opened.policiesFile, "policies: []");
  await opened.auth.reload();
  assert.equal(mayDo(opened, {}, read), "FORBIDDEN", "a right taken away is gone at once");
  writeFileSync(opened.secretFile, makeSecret().secret);
  await opened.auth.reload();
  assert.equal(mayDo(opened, {}, read), "TOKEN_INVALID", "the old secret is worth nothing");
});

test("a start on bad files is refused", async () => {
  using folder = makeFolder();
  await assert.rejects(open(folder, "policies: 7"), AuthConfigurationError);
});

test("a flood of refusals is counted in full and logged in part", async () => {
  using folder = makeFolder();
  using opened = await open(folder);
  for (let i = 0; i < failureLinesMax * 5; i += 1) {
    codeOf(() => opened.auth.authorizer.authenticate("Bearer x"));
  }
  assert.equal(opened.log.lines.length, failureLinesMax);
  const counted = opened.auth.stats().failures.get("tokenMalformed");
  assert.equal(counted, failureLinesMax * 5);
});

test("the challenge follows RFC 6750", () => {
  assert.equal(challengeFor("UNAUTHENTICATED"), 'Bearer realm="kvcluster"');
  assert.equal(challengeFor("TOKEN_EXPIRED"), 'Bearer realm="kvcluster", error="invalid_token"');
  assert.equal(challengeFor("FORBIDDEN"), 'Bearer realm="kvcluster", error="insufficient_scope"');
  assert.equal(challengeFor("KEY_NOT_FOUND"), null);
});
