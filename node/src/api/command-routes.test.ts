import assert from "node:assert/strict";
import { test } from "node:test";
import { makeApi, problemOf, type TestApi } from "./api.test-kit.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const batch = (api: TestApi, operations: unknown, headers: Record<string, string> = {}) =>
  api.send({ method: "POST", url: "/v1/batch", payload: { operations }, headers });

test("a batch is one revision, and its keys may be any bytes", async () => {
  await using api = await makeApi();
  await api.send({ method: "PUT", url: "/v1/kv/old", payload: "x" });
  const done = await batch(api, [
    { type: "put", key: "a", value: base64("1") },
    { type: "put", keyBase64: Buffer.from([0xff]).toString("base64"), value: base64("2") },
    { type: "delete", key: "old" },
    { type: "delete", key: "never" },
  ]);
  assert.equal(done.statusCode, 200);
  assert.deepEqual(done.json(), { revision: 2, puts: 2, deletes: 1 });
  assert.equal((await api.send({ url: "/v1/kv/%FF" })).body, "2");
  assert.equal((await api.send({ url: "/v1/kv/a" })).headers["etag"], '"2"');
});

test("a batch with the same key twice is refused and changes nothing", async () => {
  await using api = await makeApi();
  const refused = await batch(api, [
    { type: "put", key: "a", value: "" },
    { type: "delete", keyBase64: base64("a") },
  ]);
  assert.equal(problemOf(refused).code, "DUPLICATE_KEY");
  assert.equal((await api.send({ url: "/v1/kv/a" })).statusCode, 404);
});

test("bodies that are not as the schema says are refused before anything is proposed", async () => {
  await using api = await makeApi("--limits.batchOperationsMax=2", "--limits.keyBytesMax=8");
  const put = { type: "put", key: "a", value: "" };
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, "INVALID_BODY"],
    [[], "INVALID_BODY"],
    [[{ type: "merge", key: "a" }], "INVALID_BODY"],
    [[{ ...put, extra: 1 }], "INVALID_BODY"],
    [[{ type: "put", key: "a" }], "INVALID_BODY"],
    [[{ type: "put", key: "a", value: "*" }], "INVALID_BODY"],
    [[{ type: "put", key: "a", value: "QQ" }], "INVALID_BODY"],
    [[{ type: "delete" }], "INVALID_KEY"],
    [[{ type: "delete", key: "a", keyBase64: "YQ==" }], "INVALID_KEY"],
    [[{ type: "delete", key: "" }], "INVALID_KEY"],
    [[{ type: "delete", keyBase64: "a" }], "INVALID_KEY"],
    [[{ type: "delete", key: "\ud800" }], "INVALID_KEY"],
    [[{ type: "delete", key: "123456789" }], "KEY_TOO_LARGE"],
    [[put, put, put], "BATCH_TOO_LARGE"],
  ];
  for (const [operations, code] of wrong) {
    const response = await batch(api, operations);
    assert.equal(problemOf(response).code, code, JSON.stringify(operations));
  }
  assert.equal(api.node.memory.proposals, 0);
});

test("what is not JSON, not declared as JSON or not UTF-8 is refused", async () => {
  await using api = await makeApi();
  const send = (payload: string | Buffer, type?: string) =>
    api.send({
      method: "POST",
      url: "/v1/batch",
      payload,
      ...(type === undefined ? {} : { headers: { "content-type": type } }),
    });
  const code = async (payload: string | Buffer, type?: string): Promise<string> =>
    problemOf(await send(payload, type)).code;
  const good = JSON.stringify({ operations: [{ type: "delete", key: "a" }] });
  assert.equal((await send(good, "application/json; charset=utf-8")).statusCode, 200);
  assert.equal(await code(good), "UNSUPPORTED_MEDIA_TYPE");
  assert.equal(await code(good, "text/plain"), "UNSUPPORTED_MEDIA_TYPE");
  assert.equal(await code(good, "???"), "UNSUPPORTED_MEDIA_TYPE");
  assert.equal(await code("", "application/json"), "INVALID_JSON");
  assert.equal(await code("{", "application/json"), "INVALID_JSON");
  assert.equal(await code(Buffer.from([0x22, 0xff, 0x22]), "application/json"), "INVALID_JSON");
  assert.equal(await code("[".repeat(100_000), "application/json"), "INVALID_JSON");
  assert.equal(await code('{"__proto__":{"operations":[]}}', "application/json"), "INVALID_BODY");
});

test("every operation of a batch must be granted", async () => {
  await using api = await makeApi();
  const headers = { authorization: api.bearer([{ prefix: "app/", verbs: ["write"] }]) };
  const inside = { type: "put", key: "app/a", value: "" };
  assert.equal((await batch(api, [inside], headers)).statusCode, 200);
  const outside = await batch(api, [inside, { type: "delete", key: "other" }], headers);
  assert.equal(problemOf(outside).code, "FORBIDDEN");
  assert.equal(api.node.memory.proposals, 1);
});

test("a compaction beyond the present is refused", async () => {
  await using api = await makeApi();
  const compact = (revision: unknown) =>
    api.send({ method: "POST", url: "/v1/compact", payload: { revision } });
  assert.equal(problemOf(await compact(99)).code, "REVISION_IN_FUTURE");
  for (const wrong of [0, -1, 1.5, "1", 2 ** 60]) {
    const { status } = problemOf(await compact(wrong));
    assert.equal(status, 400, String(wrong));
  }
});
