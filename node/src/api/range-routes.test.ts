import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListPage } from "@kvcluster/protocol";
import { makeApi, problemOf, type TestApi } from "./api.test-kit.ts";

const fill = async (api: TestApi, keys: readonly string[]): Promise<void> => {
  for (const key of keys) await api.send({ method: "PUT", url: `/v1/kv/${key}`, payload: key });
};

const list = async (api: TestApi, query: string): Promise<ListPage> => {
  const response = await api.send({ url: `/v1/kv?${query}` });
  assert.equal(response.statusCode, 200, response.body);
  return response.json();
};

const names = (page: ListPage): (string | undefined)[] => page.items.map(({ key }) => key);

test("a prefix is listed in key order with base64 values and revisions", async () => {
  await using api = await makeApi();
  await fill(api, ["b", "a/2", "a/1", "a", "a0"]);
  const page = await list(api, "prefix=a/");
  assert.deepEqual(names(page), ["a/1", "a/2"]);
  assert.equal(page.revision, 5);
  assert.deepEqual(page.items[0], {
    key: "a/1",
    value: Buffer.from("a/1").toString("base64"),
    modRevision: 3,
    createRevision: 3,
    version: 1,
  });
  assert.deepEqual(names(await list(api, "prefix=")), ["a", "a/1", "a/2", "a0", "b"]);
});

test("a range is [start, end); an absent end reaches to the last key", async () => {
  await using api = await makeApi();
  await fill(api, ["a", "b", "c", "%FF"]);
  assert.deepEqual(names(await list(api, "start=b&end=c")), ["b"]);
  const rest = await list(api, "start=b");
  assert.deepEqual(names(rest), ["b", "c", undefined]);
  assert.equal(rest.items[2]?.keyBase64, Buffer.from([0xff]).toString("base64"));
  assert.deepEqual(names(await list(api, "end=b")), ["a"]);
});

test("pages of one list show one revision, whatever is written between them", async () => {
  await using api = await makeApi();
  await fill(api, ["a", "b", "c", "d", "e"]);
  const first = await list(api, "prefix=&limit=2&count=true");
  assert.deepEqual([names(first), first.count], [["a", "b"], 5]);
  await fill(api, ["bb", "c", "f"]);
  await api.send({ method: "DELETE", url: "/v1/kv/d" });
  const second = await list(api, `prefix=&limit=2&continue=${first.continue}`);
  assert.deepEqual([names(second), second.revision], [["c", "d"], first.revision]);
  assert.equal(second.items[0]?.version, 1);
  const third = await list(api, `prefix=&limit=2&continue=${second.continue}`);
  assert.deepEqual([names(third), third.continue], [["e"], undefined]);
});

test("a page at a revision that is applied here asks no leader, a first page does", async () => {
  await using api = await makeApi();
  await fill(api, ["a", "b", "c"]);
  const first = await list(api, "prefix=&limit=1");
  assert.equal(api.node.memory.barriers, 1);
  await list(api, `prefix=&limit=1&continue=${first.continue}`);
  await list(api, "prefix=&revision=2");
  assert.equal(api.node.memory.barriers, 1);
  const future = await api.send({ url: "/v1/kv?prefix=&revision=4" });
  assert.deepEqual([future.statusCode >= 400, api.node.memory.barriers], [true, 2]);
});

test("keysOnly leaves values out, revision lists the past, stale tells its age", async () => {
  await using api = await makeApi();
  await fill(api, ["a", "b"]);
  assert.equal((await list(api, "prefix=&keysOnly=true")).items[0]?.value, undefined);
  assert.deepEqual(names(await list(api, "prefix=&revision=1")), ["a"]);
  const stale = await api.send({ url: "/v1/kv?prefix=&consistency=stale" });
  assert.equal(stale.headers["x-kv-staleness"], "0");
});

test("a count that reaches its limit says so", async () => {
  await using api = await makeApi("--limits.countMax=2");
  await fill(api, ["a", "b", "c"]);
  const page = await list(api, "prefix=&limit=1&count");
  assert.deepEqual([page.count, page.countTruncated], [2, true]);
});

test("a page ends at its byte limit with at least one item", async () => {
  await using api = await makeApi("--limits.pageBytesMax=1024");
  const payload = Buffer.alloc(900);
  for (const key of ["a", "b"]) await api.send({ method: "PUT", url: `/v1/kv/${key}`, payload });
  const page = await list(api, "prefix=");
  assert.deepEqual(names(page), ["a"]);
  assert.notEqual(page.continue, undefined);
});

test("a changed, foreign or cut continue token is refused by name", async () => {
  await using api = await makeApi();
  await fill(api, ["a/1", "a/2", "b"]);
  const { continue: token = "" } = await list(api, "prefix=a/&limit=1");
  const flipped = `${token.startsWith("A") ? "B" : "A"}${token.slice(1)}`;
  const wrong = [
    `prefix=a/&continue=${flipped}`,
    `prefix=a/&continue=${token.slice(0, -1)}`,
    `prefix=a/&continue=${token}A`,
    `prefix=a/&continue=`,
    `prefix=a/&continue=%F0%9F`,
    `prefix=a/&continue=x!`,
    `prefix=a&continue=${token}`,
    `start=a/&continue=${token}`,
  ];
  for (const query of wrong) {
    const { code } = problemOf(await api.send({ url: `/v1/kv?${query}` }));
    const expected = query.includes("%F0") ? "INVALID_PARAMETER" : "INVALID_CONTINUE";
    assert.equal(code, expected, query);
  }
});

test("a page whose revision was compacted meanwhile is 410", async () => {
  await using api = await makeApi();
  await fill(api, ["a", "b", "c"]);
  const { continue: token } = await list(api, "prefix=&limit=1");
  await fill(api, ["d"]);
  await api.send({ method: "POST", url: "/v1/compact", payload: { revision: 4 } });
  const response = await api.send({ url: `/v1/kv?prefix=&continue=${token}` });
  assert.equal(problemOf(response).code, "REVISION_COMPACTED");
});

test("ranges that cannot be meant are refused", async () => {
  await using api = await makeApi();
  const wrong = [
    ["", "INVALID_PARAMETER"],
    ["prefix=a&start=b", "INVALID_PARAMETER"],
    ["start=b&end=a", "INVALID_KEY"],
    ["start=a&end=a", "INVALID_KEY"],
    ["prefix=%", "INVALID_KEY"],
    ["prefix=a&prefix=b", "INVALID_PARAMETER"],
    ["prefix=a&limit=0", "INVALID_PARAMETER"],
    ["prefix=a&limit=1001", "INVALID_PARAMETER"],
    ["prefix=a&limit=1e2", "INVALID_PARAMETER"],
    ["prefix=a&keysOnly=yes", "INVALID_PARAMETER"],
    ["prefix=a&lmit=1", "INVALID_PARAMETER"],
    ["prefix=a&maxStaleness=1", "INVALID_PARAMETER"],
    ["prefix=a&consistency=eventual", "INVALID_PARAMETER"],
    ["prefix=a&revision=0", "INVALID_PARAMETER"],
    [`prefix=${"a".repeat(4097)}`, "KEY_TOO_LARGE"],
  ] as const;
  for (const [query, code] of wrong) {
    assert.equal(problemOf(await api.send({ url: `/v1/kv?${query}` })).code, code, query);
  }
});

test("a plus in a query is a space, as forms write it; %2B is a plus", async () => {
  await using api = await makeApi();
  await fill(api, ["a%20b", "a%2Bb"]);
  assert.deepEqual(names(await list(api, "prefix=a+")), ["a b"]);
  assert.deepEqual(names(await list(api, "prefix=a%2B")), ["a+b"]);
});

test("a range delete is one revision, and refused whole above its limit", async () => {
  await using api = await makeApi("--limits.rangeDeleteKeysMax=2");
  await fill(api, ["a/1", "a/2", "a/3", "b"]);
  const refused = await api.send({ method: "DELETE", url: "/v1/kv?prefix=a/" });
  assert.equal(problemOf(refused).code, "RANGE_TOO_LARGE");
  assert.equal((await list(api, "prefix=")).items.length, 4);
  const done = await api.send({ method: "DELETE", url: "/v1/kv?start=a/2&end=b" });
  assert.deepEqual(done.json(), { revision: 5, deleted: 2 });
  const nothing = await api.send({ method: "DELETE", url: "/v1/kv?prefix=zzz" });
  assert.deepEqual(nothing.json(), { revision: 5, deleted: 0 });
});

test("a token must cover the whole range, not only its first key", async () => {
  await using api = await makeApi();
  const authorization = api.bearer([{ prefix: "app/", verbs: ["read", "write"] }]);
  const status = async (method: "GET" | "DELETE", query: string): Promise<number> => {
    const headers = { authorization };
    return (await api.send({ method, url: `/v1/kv?${query}`, headers })).statusCode;
  };
  for (const method of ["GET", "DELETE"] as const) {
    assert.equal(await status(method, "prefix=app/"), 200);
    assert.equal(await status(method, "prefix=app/x"), 200);
    assert.equal(await status(method, "start=app/a&end=app/b"), 200);
    assert.equal(await status(method, "prefix=app"), 403);
    assert.equal(await status(method, "prefix="), 403);
    assert.equal(await status(method, "start=app/a"), 403);
    assert.equal(await status(method, "start=app/a&end=b"), 403);
  }
});
