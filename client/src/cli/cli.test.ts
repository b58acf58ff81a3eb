import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { after, test } from "node:test";
import jwt from "jsonwebtoken";
import { type Backend, type Behaviour, refuse, startBackend } from "../http/backend.test-kit.ts";
import { exitCodes } from "./exit-codes.ts";
import { runCli } from "./program.ts";

class Collected extends Writable {
  readonly chunks: Buffer[] = [];
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
}

interface Given {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string | Buffer;
}

/** One run of `kv` in this process, with streams and an environment of its own. */
async function kv(args: readonly string[], { env = {}, stdin = "" }: Given = {}): Promise<Ran> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const noLocalCluster = { KV_DATA: join(tmpdir(), "there-is-no-such-folder") };
  const input = Readable.from([Buffer.from(stdin)]);
  const code = await runCli(args, {
    stdin: input,
    stdout,
    stderr,
    env: { ...noLocalCluster, ...env },
  });
  const bytes = Buffer.concat(stdout.chunks);
  return { code, bytes, out: bytes.toString(), err: Buffer.concat(stderr.chunks).toString() };
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kv-cli-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function nodeThat(behaviour: Behaviour): Promise<{ node: Backend; env: NodeJS.ProcessEnv }> {
  const node = await startBackend("a");
  node.behaviour = behaviour;
  return { node, env: { KV_ENDPOINTS: node.url, KV_TOKEN: "t", KV_TIMEOUT_MS: "2000" } };
}

const json =
  (document: unknown): Behaviour =>
  (_request, response) => {
    response.end(JSON.stringify(document));
  };

test("each way to fail has its own exit code", async () => {
  const cases: readonly (readonly [Behaviour, number])[] = [
    [json({ revision: 1, created: true }), exitCodes.ok],
    [refuse("VALUE_TOO_LARGE", { status: 413, retryable: false }), exitCodes.error],
    [refuse("CONDITION_FAILED", { status: 412, retryable: false }), exitCodes.conditionFailed],
    [refuse("UNAUTHENTICATED", { status: 401, retryable: false }), exitCodes.notAllowed],
    [refuse("FORBIDDEN", { status: 403, retryable: false }), exitCodes.notAllowed],
    [refuse("OVERLOADED"), exitCodes.unavailable],
    [(request) => request.socket.destroy(), exitCodes.outcomeUnknown],
  ];
  for (const [behaviour, expected] of cases) {
    const { env } = await nodeThat(behaviour);
    const { code, err } = await kv(["put", "k", "v"], { env });
    assert.equal(code, expected, err);
    assert.equal(err === "", expected === 0, err);
  }
  const { env } = await nodeThat(refuse("KEY_NOT_FOUND", { status: 404, retryable: false }));
  assert.equal((await kv(["get", "k"], { env })).code, exitCodes.notFound);
  assert.equal((await kv(["delete", "k"], { env })).code, exitCodes.notFound);
  assert.equal((await kv(["members", "remove", "x"], { env })).code, exitCodes.notFound);
});

test("wrong usage is told without anything being sent", async () => {
  const { node, env } = await nodeThat(json({}));
  for (const args of [
    ["frobnicate"],
    ["put", "only-a-key"],
    ["delete"],
    ["delete", "k", "--prefix", "p"],
    ["put", "k", "v", "--if-revision", "x"],
    ["put", "k", "v", "--if-revision", "1", "--if-absent"],
    ["list", "--limit", "-1"],
    ["list", "--prefix", "a", "--start", "b"],
    ["cas", "k", "maybe", "v"],
    ["batch", "put", "a"],
    ["batch", "frob", "a", "b"],
    ["compact", "zero"],
    ["get", "k", "--endpoints", "ftp://x"],
    ["get", "k", "--token", "a", "--token-file", "b"],
    ["get", "k", "--timeout", "soon"],
    ["members", "frob"],
    ["token"],
  ]) {
    const { code, err } = await kv(args, { env });
    assert.equal(code, exitCodes.usage, `${args.join(" ")}: ${err}`);
    assert.notEqual(err, "");
  }
  assert.deepEqual(node.received, []);
});

test("help is an answer, with examples, environment and exit codes", async () => {
  const { code, out } = await kv(["--help"]);
  assert.equal(code, 0);
  for (const part of ["Examples:", "KV_ENDPOINTS", "Exit codes:", "outcome is unknown"]) {
    assert.ok(out.includes(part), part);
  }
});

test("values pass byte for byte, from standard input and to standard output", async () => {
  const value = Buffer.from([0, 255, 10, 13, 0]);
  let stored: Buffer = Buffer.alloc(0);
  const { env } = await nodeThat((request, response, body) => {
    if (request.method === "PUT") {
      stored = body;
      response.end('{"revision":1,"created":true}');
    } else {
      response.writeHead(200, { etag: '"1"', "x-kv-create-revision": "1", "x-kv-version": "1" });
      response.end(stored);
    }
  });
  assert.equal((await kv(["put", "k", "-"], { env, stdin: value })).code, 0);
  assert.ok((await kv(["get", "k"], { env })).bytes.equals(value));
  const document = JSON.parse((await kv(["get", "k", "--json"], { env })).out);
  assert.deepEqual(
    [document.key, document.valueBase64, document.modRevision],
    ["k", value.toString("base64"), 1],
  );
});

test("a list is one line a key, and what would break a line is quoted", async () => {
  const item = (key: string, value: string): object => ({
    key,
    value: Buffer.from(value, "latin1").toString("base64"),
    modRevision: 3,
    createRevision: 2,
    version: 2,
  });
  const items = [item("a", "1"), item("b\nc", "x\ty"), item("d", "\xff")];
  const { env } = await nodeThat(json({ revision: 3, items }));
  const { out } = await kv(["list"], { env });
  assert.equal(out, 'a\t1\n"b\\nc"\t"x\\ty"\nd\tbase64:/w==\n');
  const keys = (await kv(["list", "--keys-only", "--json"], { env })).out.trim().split("\n");
  assert.deepEqual(JSON.parse(keys[0] ?? ""), {
    key: "a",
    modRevision: 3,
    createRevision: 2,
    version: 2,
  });
});

test("a batch comes from words or from JSON lines", async () => {
  const bodies: unknown[] = [];
  const { env } = await nodeThat((_request, response, body) => {
    bodies.push(JSON.parse(body.toString()));
    response.end('{"revision":4,"puts":1,"deletes":1}');
  });
  const words = await kv(["batch", "put", "a", "1", "delete", "b"], { env });
  assert.equal(words.out, "1 put, 1 deleted at revision 4\n");
  const stdin = '{"type":"put","key":"a","value":"1"}\n\n{"type":"delete","key":"b"}\n';
  assert.equal((await kv(["batch", "-"], { env, stdin })).code, 0);
  assert.deepEqual(bodies[0], bodies[1]);
  const bad = await kv(["batch", "-"], { env, stdin: '{"type":"put","key":"a"}' });
  assert.deepEqual([bad.code, /line 1/.test(bad.err)], [exitCodes.usage, true]);
});

test("a token grants what was asked for and no more", async () => {
  const file = join(makeFolder(), "secret");
  const secret = "x".repeat(40);
  writeFileSync(file, `${secret}\n`);
  const args = ["--prefix", "a/", "--prefix", "b/", "--verbs", "read,write", "--ttl", "2h"];
  const { code, out } = await kv(["token", "--secret-file", file, "--subject", "ann", ...args]);
  assert.equal(code, 0);
  const claims = Object(jwt.verify(out.trim(), secret, { algorithms: ["HS256"] }));
  assert.deepEqual(claims.kv, [
    { prefix: "a/", verbs: ["read", "write"] },
    { prefix: "b/", verbs: ["read", "write"] },
  ]);
  assert.deepEqual([claims.sub, claims.exp - claims.iat], ["ann", 7_200]);
  const unknown = await kv(["token", "--secret-file", file, "--verbs", "read,fly"]);
  assert.deepEqual([unknown.code, /no such verb: fly/.test(unknown.err)], [2, true]);
});

test("the token: from flags, then the environment, then the local folder", async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "token"), "from-folder");
  writeFileSync(join(folder, "other"), "from-file");
  const seen: string[] = [];
  const { node } = await nodeThat((request, response, body) => {
    seen.push(String(request.headers.authorization));
    refuse("KEY_NOT_FOUND", { status: 404, retryable: false })(request, response, body);
  });
  const env = { KV_ENDPOINTS: node.url, KV_DATA: folder };
  await kv(["get", "k"], { env });
  await kv(["get", "k"], { env: { ...env, KV_TOKEN_FILE: join(folder, "other") } });
  await kv(["get", "k"], { env: { ...env, KV_TOKEN: "from-env" } });
  await kv(["get", "k", "--token", "from-flag"], { env: { ...env, KV_TOKEN: "from-env" } });
  assert.deepEqual(seen, [
    "Bearer from-folder",
    "Bearer from-file",
    "Bearer from-env",
    "Bearer from-flag",
  ]);
  const without = await kv(["get", "k"], { env: { KV_ENDPOINTS: node.url } });
  assert.equal(seen.at(-1), "undefined", without.err);
});

test("a snapshot appears under its name only when it is whole", async () => {
  const path = join(makeFolder(), "backup");
  const head = { "x-kv-snapshot-index": "9", "x-kv-snapshot-term": "2", "x-kv-revision": "5" };
  const { node, env } = await nodeThat((_request, response) => {
    response.writeHead(200, { ...head, "x-kv-node": "node-1", "x-kv-cluster-id": "c" });
    response.end("the whole store");
  });
  const { code, out } = await kv(["snapshot", "save", path], { env });
  assert.equal(code, 0);
  assert.equal(readFileSync(path, "utf8"), "the whole store");
  assert.match(out, /15 bytes, revision 5, from node-1/);
  node.behaviour = (_request, response) => {
    response.writeHead(200, { ...head, "content-length": "100" });
    response.write("half", () => response.destroy());
  };
  const broken = join(makeFolder(), "broken");
  assert.notEqual((await kv(["snapshot", "save", broken], { env })).code, 0);
  assert.equal(existsSync(broken) || existsSync(`${broken}.partial`), false);
});
