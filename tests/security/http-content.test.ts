/**
 * What a request says: keys as paths, numbers at their edges, JSON that wants to be more than data,
 * forged page tokens, and what of it comes back in answers.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { KVStoreClient } from "@kvcluster/client";
import { exchangeRaw, statusesOf } from "./raw-connection.test-kit.ts";
import {
  DEADLINE,
  everything,
  fetchOnce,
  refusalOf,
  startTarget,
  type Target,
} from "./target.test-kit.ts";

let target: Target;
before(async () => {
  target = await startTarget();
});

/** Keys of a list page. */
async function keysOf(answer: Response): Promise<readonly string[]> {
  const page = (await answer.json()) as { readonly items: readonly { readonly key: string }[] };
  return page.items.map(({ key }) => key);
}

const json = { "content-type": "application/json" };

test("every spelling of a path is another key or none, through both doors", DEADLINE, async (t) => {
  const keys: readonly (readonly [path: string, key: string | null])[] = [
    ["..", ".."],
    [".", "."],
    ["a/../b", "a/../b"],
    ["a%2f..%2fb", "a/../b"],
    ["%2e%2e", ".."],
    ["%252e", "%2e"],
    ["%00", "\0"],
    ["a%00b", "a\0b"],
    ["a//b", "a//b"],
    ["a;b=c", "a;b=c"],
    ["a\\b", "a\\b"],
    ["a+b", "a+b"],
    ["%E2%80%AE", "\u202e"],
    ["caf%C3%A9", "caf\u00e9"],
    ["cafe%CC%81", "cafe\u0301"],
    ["__proto__", "__proto__"],
    ["", null],
    ["%", null],
    ["%zz", null],
    ["a#b", null],
  ];
  for (const { name, url } of target.doors) {
    const listed = new Set<string>();
    for (const [path, key] of keys) {
      const authorization = `Authorization: Bearer ${target.token()}\r\nConnection: close\r\n`;
      const head = `PUT /v1/kv/${path} HTTP/1.1\r\nHost: x\r\n${authorization}`;
      const answer = await exchangeRaw(t, url, `${head}Content-Length: 1\r\n\r\nx`);
      const [status] = statusesOf(answer);
      const isTaken = status === 200 || status === 201;
      assert.equal(isTaken, key !== null, `${name}, ${path}: ${answer}`);
      if (key !== null) listed.add(key);
    }
    const found = await keysOf(await target.send("/v1/kv?prefix=&keysOnly=true"));
    assert.deepEqual([...found].sort(), [...listed].sort(), name);
    assert.equal((await target.send("/v1/kv?prefix=", { method: "DELETE" })).status, 200);
  }
});

test("the client reaches keys that look like paths, and nothing else", DEADLINE, async () => {
  const endpoints = target.doors.map(({ url }) => url);
  const limits = { timeoutMs: 1_000 };
  await using client = new KVStoreClient({ endpoints, auth: { token: target.token() }, limits });
  const keys = [".", "..", "../cluster", "a/../b", "?x", "#x", "%2e", "\0", "a b", "\u202e", "//x"];
  for (const key of keys) {
    await client.set(key, `value of ${key}`);
    assert.equal((await client.get(key))?.text(), `value of ${key}`, key);
    await client.delete(key);
  }
});

test("a prefix that is granted covers no other spelling of a key", DEADLINE, async () => {
  await target.send("/v1/kv/app%2F..%2Fsecret", { method: "PUT", body: "1" });
  await target.send("/v1/kv/secret", { method: "PUT", body: "1" });
  const authorization = `Bearer ${target.token([{ prefix: "app/", verbs: ["read"] }])}`;
  const statusOf = async (key: string): Promise<number> =>
    (await target.send(`/v1/kv/${key}`, { headers: { authorization } })).status;
  assert.equal(await statusOf("app%2F..%2Fsecret"), 200, "a key like any other");
  assert.equal(await statusOf("secret"), 403);
  assert.equal(await statusOf("APP%2Fx"), 403);
  assert.equal(await statusOf("app%00%2Fx"), 403);
  assert.equal(await statusOf("%EF%BD%81pp%2Fx"), 403, "a full-width a is another letter");
  const nul = `Bearer ${target.token([{ prefix: "a\0b", verbs: ["read"] }])}`;
  const withNul = await target.send("/v1/kv/a", { headers: { authorization: nul } });
  assert.equal(withNul.status, 403, "a prefix does not end at NUL");
});

test("compressed bodies are refused, not inflated", DEADLINE, async () => {
  const body = gzipSync(Buffer.alloc(10_000_000));
  for (const encoding of ["gzip", "br", "deflate", "zstd", "gzip, identity", "x"]) {
    for (const { url } of target.doors) {
      const answer = await fetchOnce(`${url}/v1/kv/a`, {
        method: "PUT",
        body,
        headers: { authorization: `Bearer ${target.token()}`, "content-encoding": encoding },
      });
      await refusalOf(answer, 415, "UNSUPPORTED_ENCODING");
    }
  }
});

test("numbers are whole, decimal and within bounds, or refused by name", DEADLINE, async () => {
  const wrong = ["-1", "1e3", "0x10", "1.0", "%201", "", "NaN", "Infinity", "9007199254740993"];
  const huge = ["18446744073709551616", "1".repeat(400), "%D9%A1"];
  for (const name of ["limit", "revision", "timeout", "maxStaleness"]) {
    const beside = name === "maxStaleness" ? "&consistency=stale" : "";
    for (const value of [...wrong, ...huge]) {
      const answer = await target.send(`/v1/kv?prefix=${beside}&${name}=${value}`);
      const { detail } = await refusalOf(answer, 400, "INVALID_PARAMETER");
      assert.match(detail, new RegExp(`^parameter ${name} must be`), value);
    }
  }
  for (const etag of ['"-1"', '"0"', '"1e3"', '"9007199254740993"', 'W/"1"', '"1", "2"', "1"]) {
    const headers = { "if-match": etag };
    const answer = await target.send("/v1/kv/a", { method: "PUT", body: "x", headers });
    await refusalOf(answer, 400, "INVALID_HEADER");
  }
  for (const revision of [
    "-1",
    "0",
    "-0",
    "1.5",
    "1e400",
    "9007199254740993",
    '"1"',
    "[1]",
    "null",
  ]) {
    const body = `{"revision":${revision}}`;
    const answer = await target.send("/v1/compact", { method: "POST", body, headers: json });
    await refusalOf(answer, 400, "INVALID_BODY");
  }
  const last = `{"revision":${Number.MAX_SAFE_INTEGER}}`;
  const future = await target.send("/v1/compact", { method: "POST", body: last, headers: json });
  await refusalOf(future, 400, "REVISION_IN_FUTURE");
  await target.isUnharmed();
});

test(
  "JSON is data: no prototype, no depth and no surprise of it does anything",
  DEADLINE,
  async () => {
    const deep = 1_000_000;
    const bodies: Readonly<Record<string, string>> = {
      "a prototype": '{"__proto__":{"operations":[{"type":"delete","key":"a"}]}}',
      "a prototype of an operation":
        '{"operations":[{"__proto__":{"key":"a"},"type":"put","value":""}]}',
      "a constructor": '{"operations":[],"constructor":{"prototype":{"polluted":true}}}',
      arrays: "[".repeat(deep),
      "arrays that end": "[".repeat(deep) + "]".repeat(deep),
      objects: '{"a":'.repeat(200_000),
      "a lone surrogate": '{"operations":[{"type":"delete","key":"\\ud800"}]}',
      "two keys": '{"operations":[{"type":"delete","key":"a","keyBase64":"YQ=="}]}',
      "base64 with another end": '{"operations":[{"type":"put","key":"a","value":"YR=="}]}x',
      "a byte order mark": '\ufeff{"operations":[]}',
      "a number for a list": '{"operations":1e999}',
      "a length for a list": '{"operations":{"length":4294967295}}',
    };
    for (const [what, body] of Object.entries(bodies)) {
      const answer = await target.send("/v1/batch", { method: "POST", body, headers: json });
      assert.equal(answer.status, 400, `${what}: ${await answer.text()}`);
      assert.equal(Reflect.get({}, "polluted"), undefined);
    }
    for (const name of ["__proto__", "constructor", "toString", "limit[]", "prefix%00"]) {
      const answer = await target.send(`/v1/kv?prefix=&${name}=1`);
      await refusalOf(answer, 400, "INVALID_PARAMETER");
    }
    await target.isUnharmed();
  },
);

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

/** A token as the node makes them: its digest has no secret, so anybody can. */
function forgePage(revision: bigint, start: string, range: readonly [string, string]): string {
  const place = Buffer.concat([Buffer.from([1]), u64(revision), u32(start.length)]);
  const payload = Buffer.concat([place, Buffer.from(start)]);
  const digest = createHash("sha256").update("kvcluster continue");
  for (const end of range) digest.update(u32(end.length)).update(end);
  const mark = digest.update(payload).digest().subarray(0, 12);
  return Buffer.concat([payload, mark]).toString("base64url");
}

test("a forged or foreign page token grants nothing and breaks nothing", DEADLINE, async () => {
  for (const key of ["app/1", "app/2", "secret/1"]) {
    await target.send(`/v1/kv/${encodeURIComponent(key)}`, { method: "PUT", body: "x" });
  }
  const authorization = `Bearer ${target.token([{ prefix: "app/", verbs: ["read"] }])}`;
  const list = (prefix: string, token: string): Promise<Response> =>
    target.send(`/v1/kv?prefix=${prefix}&continue=${token}`, { headers: { authorization } });
  const revision = BigInt((await target.send("/v1/kv/app%2F1")).headers.get("x-kv-revision") ?? 0);
  const app = ["app/", "app0"] as const;
  const forged = await list("app/", forgePage(revision, "app/2", app));
  assert.deepEqual(await keysOf(forged), ["app/2"], "a forgery of what may be read anyhow");
  await refusalOf(await list("", forgePage(revision, "a", ["", ""])), 403, "FORBIDDEN");
  const elsewhere = await list("app/", forgePage(revision, "secret/1", app));
  await refusalOf(elsewhere, 400, "INVALID_CONTINUE");
  const foreign = forgePage(revision, "app/2", ["app", "apq"]);
  await refusalOf(await list("app/", foreign), 400, "INVALID_CONTINUE");
  for (const edge of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    await refusalOf(await list("app/", forgePage(edge, "app/2", app)), 400, "INVALID_CONTINUE");
  }
  const future = forgePage(2n ** 53n - 1n, "app/2", app);
  await refusalOf(await list("app/", future), 400, "REVISION_IN_FUTURE");
  for (const garbage of ["", "A", "AAAA", "__proto__", "A".repeat(20_000), "%00"]) {
    await refusalOf(await list("app/", garbage), 400, "INVALID_CONTINUE");
  }
});

test("what a request says never becomes a header, and never HTML", DEADLINE, async (t) => {
  const breaks = ["a%0d%0aX-Evil:%201", "%3Cscript%3E", "a%0aSet-Cookie:%20x"];
  const authorization = `Bearer ${target.token([{ prefix: "app/", verbs: ["read"] }])}`;
  for (const text of breaks) {
    const paths = [`/v1/kv/${text}`, `/v1/cluster/members/${text}`, `/v1/kv?prefix=&${text}=1`];
    for (const path of paths) {
      const answer = await target.send(path, { method: "DELETE", headers: { authorization } });
      assert.ok(answer.status >= 400, path);
      for (const name of ["x-evil", "set-cookie"]) assert.equal(answer.headers.get(name), null);
      assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
      assert.ok((await answer.text()).length < 1_000, "an answer repeats little of its request");
    }
  }
  const value = await target.send("/v1/kv/page", { method: "PUT", body: "<script>" });
  assert.ok(value.ok);
  const { headers } = await target.send("/v1/kv/page");
  assert.equal(headers.get("content-type"), "application/octet-stream");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  const ids = ["x".repeat(200), "<script>", "a b", "\u00e9", "a,b", '"'];
  for (const id of ids) {
    const answer = await target.send("/v1/kv/none", { headers: { "x-request-id": id } });
    assert.notEqual(answer.headers.get("x-request-id"), id);
    assert.match(answer.headers.get("x-request-id") ?? "", /^[\w.-]{1,64}$/);
  }
  const folded = `GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n b\r\n\r\n`;
  assert.deepEqual(statusesOf(await exchangeRaw(t, target.node.clientAddress, folded)), [400]);
});

test("an answer tells nothing of the server but its code", DEADLINE, async () => {
  const token = target.token(everything);
  const samples = [
    await target.send("/v1/kv/a", { headers: { authorization: "Bearer x.y.z" } }),
    await target.send("/nowhere"),
    await target.send("/v1/batch", { method: "POST", body: "{{secret}}", headers: json }),
    await target.send("/v1/cluster/members/99", { method: "DELETE" }),
  ];
  for (const answer of samples) {
    const text = `${[...answer.headers].join("\n")}\n${await answer.text()}`;
    assert.doesNotMatch(text, /node:|\.ts\b|at Object|\/tmp|\/work|secret|node_modules/);
    assert.ok(!text.includes(token.slice(-40)));
    assert.equal(answer.headers.get("server"), null);
    assert.equal(answer.headers.get("x-powered-by"), null);
  }
});
