/** Requests that touch more than one key: what they may touch is decided as a whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchOperation, Grant, ListPage } from "@kvcluster/protocol";
import type { LightMyRequestResponse } from "fastify";
import { everything, type Matrix, makeMatrix, tokenFor } from "./matrix.test-kit.ts";

const root = tokenFor(everything);
const app: Grant = { prefix: "app/", verbs: ["read", "write"] };

async function seed(matrix: Matrix): Promise<void> {
  for (const key of ["a", "app.", "app/1", "app/2", "app/3", "app0", "b/1", "b/2", "b/3"]) {
    const url = `/v1/kv/${encodeURIComponent(key)}`;
    const put = await matrix.send({ method: "PUT", url, payload: `secret of ${key}` }, root);
    assert.equal(put.statusCode, 201);
  }
}

const range = (start: string, end: string): string =>
  `start=${encodeURIComponent(start)}&end=${encodeURIComponent(end)}`;

const keysOf = (answer: LightMyRequestResponse): (string | undefined)[] => {
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json<ListPage>().items.map((item) => item.key);
};

const assertForbidden = (answer: LightMyRequestResponse, what: string): void => {
  assert.equal(answer.statusCode, 403, `${what}: ${answer.body}`);
  assert.equal(answer.json<{ code: string }>().code, "FORBIDDEN", what);
};

function batchOf(operations: readonly BatchOperation[]) {
  return {
    method: "POST",
    url: "/v1/batch",
    payload: JSON.stringify({ operations }),
    headers: { "content-type": "application/json" },
  } as const;
}

test("a batch with one operation outside is refused whole, wherever it stands", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const proposals = matrix.node.memory.proposals;
  const inside = (n: number): BatchOperation => ({ type: "put", key: `app/${n}`, value: "eA==" });
  const outside: readonly BatchOperation[] = [
    { type: "put", key: "b/1", value: "eA==" },
    { type: "delete", key: "b/1" },
    { type: "delete", key: "app" },
    { type: "put", key: "app0", value: "eA==" },
    { type: "put", keyBase64: Buffer.from("b/1").toString("base64"), value: "eA==" },
    { type: "delete", keyBase64: Buffer.from([0x61, 0x70, 0x70, 0xff]).toString("base64") },
  ];
  for (const operation of outside) {
    for (const at of [0, 1, 2]) {
      const operations = [inside(1), inside(2)].toSpliced(at, 0, operation);
      const answer = await matrix.send(batchOf(operations), tokenFor([app]));
      assertForbidden(answer, JSON.stringify(operations));
    }
  }
  assert.equal(matrix.node.memory.proposals, proposals, "nothing was proposed");
  const good = await matrix.send(batchOf([inside(1), inside(2)]), tokenFor([app]));
  assert.equal(good.statusCode, 200, good.body);
});

test("a batch may span prefixes when each of its keys is granted", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const both = tokenFor([app, { prefix: "b/", verbs: ["write"] }]);
  const operations: BatchOperation[] = [
    { type: "delete", key: "app/1" },
    { type: "delete", key: "b/1" },
  ];
  assert.equal((await matrix.send(batchOf(operations), both)).statusCode, 200);
  const readOnly = tokenFor([app, { prefix: "b/", verbs: ["read"] }]);
  assertForbidden(await matrix.send(batchOf(operations), readOnly), "read is not write");
});

test("an empty batch is no way in", async () => {
  await using matrix = await makeMatrix();
  const answer = await matrix.send(batchOf([]), tokenFor([]));
  assert.ok(answer.statusCode === 403 || answer.statusCode === 400, answer.body);
});

test("a range that starts inside and ends outside is refused, to list and to delete", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const proposals = matrix.node.memory.proposals;
  const token = tokenFor([app]);
  const outside = [
    range("app/2", "app0\0"),
    range("app/2", "b/2"),
    range("app/2", ""),
    range("app.", "app/2"),
    range("", "app/2"),
    range("a", "b"),
    "start=app/2",
    "end=app/2",
    "prefix=",
    "prefix=app",
    "prefix=a",
    "prefix=b/",
    "prefix=app%00",
    "prefix=app%2E",
    "prefix=app%FF",
  ];
  for (const query of outside) {
    for (const method of ["GET", "DELETE"] as const) {
      const answer = await matrix.send({ method, url: `/v1/kv?${query}` }, token);
      assertForbidden(answer, `${method} ${query}`);
      assert.doesNotMatch(answer.body, /secret of/);
    }
  }
  assert.equal(matrix.node.memory.proposals, proposals, "nothing was deleted");
});

test("a range inside is served, up to the very edges of the prefix", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const list = async (query: string) =>
    keysOf(await matrix.send({ url: `/v1/kv?${query}` }, tokenFor([app])));
  assert.deepEqual(await list("prefix=app/"), ["app/1", "app/2", "app/3"]);
  assert.deepEqual(await list("prefix=app%2F"), ["app/1", "app/2", "app/3"]);
  assert.deepEqual(await list(range("app/", "app0")), ["app/1", "app/2", "app/3"]);
  assert.deepEqual(await list(range("app/2", "app/3")), ["app/2"]);
  assert.deepEqual(await list("prefix=app/2"), ["app/2"]);
});

test("a continue token carries no right: not to another prefix, not out of its own", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const first = await matrix.send({ url: "/v1/kv?prefix=b/&limit=1" }, root);
  const next = encodeURIComponent(first.json<ListPage>().continue ?? "");
  assert.notEqual(next, "");
  const token = tokenFor([app]);
  const follow = (query: string, as: string) =>
    matrix.send({ url: `/v1/kv?${query}&continue=${next}` }, as);
  assertForbidden(await follow("prefix=b/", token), "its own range");
  const moved = await follow("prefix=app/", token);
  assert.equal(moved.json<{ code: string }>().code, "INVALID_CONTINUE");
  assert.deepEqual(keysOf(await follow("prefix=b/", root)), ["b/2", "b/3"]);
});

test("pages are authorised one by one: a right taken away ends the list", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const first = await matrix.send({ url: "/v1/kv?prefix=app/&limit=1" }, tokenFor([app]));
  const next = encodeURIComponent(first.json<ListPage>().continue ?? "");
  const other = tokenFor([{ prefix: "b/", verbs: ["read"] }]);
  const second = await matrix.send({ url: `/v1/kv?prefix=app/&limit=1&continue=${next}` }, other);
  assertForbidden(second, "the second page");
});

test("an answer of 403 is the same whether the key exists or not", async () => {
  await using matrix = await makeMatrix();
  await seed(matrix);
  const answers = await Promise.all(
    ["/v1/kv/b%2F1", "/v1/kv/b%2F9"].map((url) => matrix.send({ url }, tokenFor([app]))),
  );
  const plain = answers.map(({ body, statusCode, headers }) => ({
    statusCode,
    body: body.replace(/b\/[19]/, "b/?").replace(/"requestId":"[^"]*"/, ""),
    revision: headers["x-kv-revision"],
    etag: headers["etag"],
  }));
  assert.deepEqual(plain[0], plain[1]);
});

test("a grant that ends inside a character covers bytes, not text", async () => {
  await using matrix = await makeMatrix();
  const put = (key: string, grants: readonly Grant[]) =>
    matrix.send({ method: "PUT", url: `/v1/kv/${key}`, payload: "x" }, tokenFor(grants));
  const cafe: Grant = { prefix: "café/", verbs: ["write"] };
  assert.equal((await put("caf%C3%A9/a", [cafe])).statusCode, 201);
  assertForbidden(await put("cafe%CC%81/a", [cafe]), "the decomposed form");
  assertForbidden(await put("caf%E9/a", [cafe]), "the latin1 byte");
  const slash: Grant = { prefix: "a/b", verbs: ["write"] };
  assert.equal((await put("a%2Fb", [slash])).statusCode, 201);
  assert.equal((await put("a/b", [slash])).statusCode, 200);
  assertForbidden(await put("a%252Fb", [slash]), "decoded once, not twice");
});
