import assert from "node:assert/strict";
import { after, test } from "node:test";
import { KVStoreClient } from "./client.ts";
import { startBackend } from "./http/backend.test-kit.ts";
import { batchBody, conditionHeaders, keyPath, listPath, rangePath } from "./requests.ts";

test("keys of any bytes are written in paths and queries", () => {
  assert.equal(keyPath("users/ann e?#%"), "/v1/kv/users/ann%20e%3F%23%25");
  assert.equal(keyPath(new Uint8Array([0, 0xff, 0x2f])), "/v1/kv/%00%FF/");
  assert.equal(keyPath("a/../b"), "/v1/kv/a%2F..%2Fb");
  assert.equal(rangePath({ prefix: "a/ü" }), "/v1/kv?prefix=a%2F%C3%BC");
  assert.equal(rangePath({ start: "a", end: "b" }), "/v1/kv?start=a&end=b");
  assert.equal(rangePath({}), "/v1/kv?prefix=");
});

test("conditions become the headers of RFC 9110", () => {
  assert.deepEqual(conditionHeaders({ ifRevision: 5 }), { "if-match": '"5"' });
  assert.deepEqual(conditionHeaders({ ifAbsent: true }), { "if-none-match": "*" });
  assert.deepEqual(conditionHeaders({ ifExists: true }), { "if-match": "*" });
  assert.deepEqual(conditionHeaders({}), {});
});

test("a page asks for no more than is still wanted, and not for more than a page may have", () => {
  const limitOf = (path: string): string | null =>
    new URLSearchParams(path.split("?")[1]).get("limit");
  assert.equal(limitOf(listPath({}, null, Number.POSITIVE_INFINITY)), "1000");
  assert.equal(limitOf(listPath({ pageSize: 10 }, null, 3)), "3");
  assert.equal(limitOf(listPath({ pageSize: 5_000 }, null, 9_000)), "1000");
  const stale = listPath(
    { prefix: "p", consistency: "stale", maxStalenessMs: 50, revision: 8, keysOnly: true },
    "a+b/=",
    1,
  );
  const parameters = new URLSearchParams(stale.split("?")[1]);
  assert.deepEqual(Object.fromEntries(parameters), {
    prefix: "p",
    consistency: "stale",
    maxStaleness: "50",
    revision: "8",
    limit: "1",
    keysOnly: "true",
    continue: "a+b/=",
  });
});

test("a batch carries keys as text or base64 and values in base64", () => {
  const body = batchBody([
    { type: "put", key: "a", value: "1" },
    { type: "put", key: new Uint8Array([0xff]), value: new Uint8Array([0]) },
    { type: "delete", key: "b" },
  ]);
  assert.deepEqual(JSON.parse(Buffer.from(body).toString()), {
    operations: [
      { type: "put", key: "a", value: "MQ==" },
      { type: "put", keyBase64: "/w==", value: "AA==" },
      { type: "delete", key: "b" },
    ],
  });
});

test("a list goes through its pages, in order, and stops at its limit", async () => {
  const backend = await startBackend("a");
  const keys = Array.from({ length: 7 }, (_, i) => `k${i}`);
  backend.behaviour = (request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    const from = Number(query.get("continue") ?? 0);
    const to = from + Math.min(Number(query.get("limit")), 3);
    const items = keys.slice(from, to).map((key, i) => ({
      key,
      value: Buffer.from(String(from + i)).toString("base64"),
      modRevision: 1,
      createRevision: 1,
      version: 1,
    }));
    const next = to < keys.length ? { continue: String(to) } : {};
    response.end(JSON.stringify({ revision: 4, items, ...next }));
  };
  const client = new KVStoreClient({ endpoints: backend.url });
  after(() => client.close());
  const listed: string[] = [];
  for await (const entry of client.list({ prefix: "k" })) listed.push(entry.keyText());
  assert.deepEqual(listed, keys);
  const limited: string[] = [];
  for await (const entry of client.list({ limit: 5 })) limited.push(entry.text());
  assert.deepEqual(limited, ["0", "1", "2", "3", "4"]);
  const before = backend.received.length;
  for await (const page of client.pages({})) {
    assert.deepEqual([page.entries.length, page.revision], [3, 4]);
    break;
  }
  assert.equal(backend.received.length - before, 1, "a page is fetched when it is wanted");
});
