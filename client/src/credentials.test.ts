import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import jwt from "jsonwebtoken";
import { KVStoreClient } from "./client.ts";
import { createTokenSource, readSecret } from "./credentials.ts";
import { KVClientError } from "./errors.ts";
import { refuse, startBackend } from "./http/backend.test-kit.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kv-credentials-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const isCredentials = (error: unknown): boolean =>
  error instanceof KVClientError && error.code === "CREDENTIALS";

test("a token file is read again when Kubernetes swaps the link behind it", async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "one"), "token-1\n");
  writeFileSync(join(folder, "two"), "token-2\n");
  symlinkSync("one", join(folder, "token"));
  const source = createTokenSource({ tokenFile: join(folder, "token") });
  assert.equal(await source.token(), "token-1");
  symlinkSync("two", join(folder, "next"));
  renameSync(join(folder, "next"), join(folder, "token"));
  source.renew();
  assert.equal(await source.token(), "token-2");
});

test("a call that is refused with a rotated token is sent again with the new one", async () => {
  const file = join(makeFolder(), "token");
  writeFileSync(file, "old");
  const backend = await startBackend("a");
  const seen: string[] = [];
  backend.behaviour = (request, response, body) => {
    seen.push(String(request.headers.authorization));
    if (request.headers.authorization === "Bearer old") {
      writeFileSync(file, "newer");
      refuse("TOKEN_EXPIRED", { status: 401, retryable: false })(request, response, body);
    } else {
      response.end('{"revision":1,"created":true}');
    }
  };
  const client = new KVStoreClient({ endpoints: backend.url, auth: { tokenFile: file } });
  after(() => client.close());
  assert.equal((await client.set("k", "v")).revision, 1);
  assert.deepEqual(seen, ["Bearer old", "Bearer newer"]);
});

test("a token that stays refused is told after one more try", async () => {
  const file = join(makeFolder(), "token");
  writeFileSync(file, "bad");
  const backend = await startBackend("a");
  backend.behaviour = refuse("TOKEN_INVALID", { status: 401, retryable: false });
  const client = new KVStoreClient({ endpoints: backend.url, auth: { tokenFile: file } });
  after(() => client.close());
  await assert.rejects(client.set("k", "v"), { code: "TOKEN_INVALID", status: 401 });
  assert.equal(backend.received.length, 2);
});

test("a given token that is refused is not tried again", async () => {
  const backend = await startBackend("a");
  backend.behaviour = refuse("TOKEN_INVALID", { status: 401, retryable: false });
  const client = new KVStoreClient({ endpoints: backend.url, auth: { token: "t" } });
  after(() => client.close());
  await assert.rejects(client.set("k", "v"), { code: "TOKEN_INVALID" });
  assert.equal(backend.received.length, 1);
});

test("from a secret a short-lived token for the user is made, and kept until it ages", async () => {
  const file = join(makeFolder(), "secret");
  const secret = "0123456789abcdef0123456789abcdef";
  writeFileSync(file, `${secret}\n`);
  const grants = [{ prefix: "app/", verbs: ["read"] as const }];
  const source = createTokenSource({ secretFile: file, user: "ann", grants });
  const token = await source.token();
  const claims = Object(jwt.verify(String(token), secret, { algorithms: ["HS256"] }));
  assert.deepEqual([claims.sub, claims.iss, claims.aud], ["ann", "kvcluster", "kvcluster"]);
  assert.deepEqual(claims.kv, grants);
  assert.ok(claims.exp - claims.iat <= 600);
  assert.equal(await source.token(), token);
});

test("a secret is what stands in its file without the final line break", async () => {
  const file = join(makeFolder(), "secret");
  for (const end of ["", "\n", "\r\n"]) {
    writeFileSync(file, `${"s".repeat(32)}${end}`);
    assert.equal((await readSecret(file)).byteLength, 32, JSON.stringify(end));
  }
});

test("missing, empty, torn and short files are told, without their content", async () => {
  const folder = makeFolder();
  const file = join(folder, "file");
  await assert.rejects(createTokenSource({ tokenFile: file }).token(), isCredentials);
  for (const content of ["", "two\nlines", "\u0000"]) {
    writeFileSync(file, content);
    await assert.rejects(createTokenSource({ tokenFile: file }).token(), isCredentials);
  }
  writeFileSync(file, "short-secret");
  await assert.rejects(readSecret(file), (error: Error) => {
    return isCredentials(error) && !error.message.includes("short-secret");
  });
  assert.throws(() => createTokenSource({ token: "" }), isCredentials);
});

test("a secret held in memory makes the same tokens", async () => {
  const secret = Buffer.from("0123456789abcdef0123456789abcdef");
  const source = createTokenSource({ secret, user: "operator" });
  const token = await source.token();
  const claims = jwt.verify(token ?? "", secret, { algorithms: ["HS256"], complete: false });
  assert.equal(claims.sub, "operator");
  assert.equal(await source.token(), token);
});
