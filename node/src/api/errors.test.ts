import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ErrorCode, errorGroups, errorTable, problemSchema } from "@kvcluster/protocol";
import type { InjectOptions } from "fastify";
import Value from "typebox/value";
import { makeApi, problemOf, type TestApi } from "./api.test-kit.ts";

const codes = Object.keys(errorTable) as ErrorCode[];

test("the reference has every code of the table with its status, and no other", () => {
  const path = join(import.meta.dirname, "../../../docs/reference/errors.md");
  const page = readFileSync(path, "utf8");
  const documented = [...page.matchAll(/<\/a>`([A-Z_]+)`\n\n(\d{3}) · /g)];
  assert.deepEqual(
    documented.map(([, code, status]) => [code, Number(status)]),
    codes.map((code) => [code, errorTable[code].status]),
  );
});

test("every code is in one group, and its row is complete", () => {
  assert.deepEqual(
    errorGroups.flatMap((group) => group.codes),
    codes,
  );
  for (const code of codes) {
    const { status, title, meaning, action } = errorTable[code];
    assert.ok(status >= 400 && status < 600, code);
    assert.ok(title.length > 0 && meaning.endsWith(".") && action.length > 0, code);
  }
});

interface Way {
  readonly prepare?: (api: TestApi) => void | Promise<void>;
  readonly request: InjectOptions;
  readonly outcome?: "unknown";
}

const put: InjectOptions = { method: "PUT", url: "/v1/kv/a", payload: "1" };
const get: InjectOptions = { url: "/v1/kv/a" };
const phase =
  (now: TestApi["node"]["phaseNow"]) =>
  ({ node }: TestApi): void => {
    node.phaseNow = now;
  };
const refusing =
  (code: Parameters<TestApi["node"]["memory"]["refuse"]>[0]) =>
  ({ node }: TestApi): void =>
    node.memory.refuse(code);
const batchOf = (operations: readonly object[]): InjectOptions => ({
  method: "POST",
  url: "/v1/batch",
  payload: { operations },
});
const deleteA = { type: "delete", key: "a" };

/** How each code is reached. Those of the connection itself are in http-server.test.ts. */
const ways: Readonly<Partial<Record<ErrorCode, Way>>> = {
  BAD_REQUEST: { request: { url: "/v1/cluster/members/%zz" } },
  INVALID_KEY: { request: { url: "/v1/kv/%" } },
  INVALID_PARAMETER: { request: { url: "/v1/kv/a?x=1" } },
  INVALID_HEADER: { request: { ...get, headers: { "x-kv-timeout-ms": "soon" } } },
  INVALID_JSON: {
    request: {
      method: "POST",
      url: "/v1/batch",
      payload: "{",
      headers: { "content-type": "application/json" },
    },
  },
  INVALID_BODY: { request: batchOf([]) },
  INVALID_CONTINUE: { request: { url: "/v1/kv?prefix=&continue=AAAA" } },
  NOT_FOUND: { request: { url: "/v2" } },
  METHOD_NOT_ALLOWED: { request: { method: "POST", url: "/v1/kv/a" } },
  BODY_TOO_LARGE: { request: { ...batchOf([]), payload: "x".repeat(2_000) } },
  KEY_TOO_LARGE: { request: { url: `/v1/kv/${"a".repeat(200)}` } },
  VALUE_TOO_LARGE: { request: { ...put, payload: "x".repeat(200) } },
  BATCH_TOO_LARGE: { request: batchOf([deleteA, deleteA, deleteA]) },
  UNSUPPORTED_MEDIA_TYPE: {
    request: { ...batchOf([]), headers: { "content-type": "text/plain" }, payload: "{}" },
  },
  UNSUPPORTED_ENCODING: { request: { ...put, headers: { "content-encoding": "gzip" } } },
  UNAUTHENTICATED: { request: { ...get, headers: { authorization: "" } } },
  TOKEN_INVALID: { request: { ...get, headers: { authorization: "Bearer a.b.c" } } },
  KEY_NOT_FOUND: { request: get },
  CONDITION_FAILED: { request: { ...put, headers: { "if-match": "*" } } },
  DUPLICATE_KEY: { request: batchOf([deleteA, deleteA]) },
  RANGE_TOO_LARGE: {
    prepare: async (api) => {
      for (const key of ["a", "b", "c"]) await api.send({ ...put, url: `/v1/kv/${key}` });
    },
    request: { method: "DELETE", url: "/v1/kv?prefix=" },
  },
  REVISION_IN_FUTURE: { request: { url: "/v1/kv/a?revision=9" } },
  REVISION_COMPACTED: {
    prepare: async (api) => {
      for (const payload of ["1", "2"]) await api.send({ ...put, payload });
      await api.send({ method: "POST", url: "/v1/compact", payload: { revision: 2 } });
    },
    request: { url: "/v1/kv/a?revision=1" },
  },
  MEMBER_NOT_FOUND: { request: { method: "DELETE", url: "/v1/cluster/members/none" } },
  ALREADY_BOOTSTRAPPED: { request: { method: "POST", url: "/v1/cluster/bootstrap" } },
  CHANGE_REJECTED: {
    prepare: refusing("CHANGE_REJECTED"),
    request: { method: "POST", url: "/v1/cluster/leader" },
  },
  INTERNAL: {
    prepare: ({ node }) => {
      node.memory.propose = () => Promise.reject(new Error("a fault, value=secret"));
    },
    request: put,
    outcome: "unknown",
  },
  VALUE_UNREADABLE: {
    prepare: async ({ node }) => {
      const condition = { type: "none" } as const;
      const command = { type: "put", key: Buffer.from("a"), value: Buffer.alloc(40), condition };
      await node.memory.propose(command as Parameters<typeof node.memory.propose>[0], 1);
    },
    request: get,
  },
  NO_LEADER: { prepare: refusing("NO_LEADER"), request: put },
  OVERLOADED: { prepare: refusing("OVERLOADED"), request: put },
  SHUTTING_DOWN: { prepare: refusing("SHUTTING_DOWN"), request: put },
  NOT_BOOTSTRAPPED: { prepare: phase("blank"), request: get },
  STARTING: { prepare: phase("starting"), request: get },
  REMOVED: { prepare: phase("removed"), request: get },
  CORRUPT: { prepare: phase("corrupt"), request: get },
  STALENESS_EXCEEDED: {
    prepare: ({ node }) => {
      node.memory.staleness = 100;
    },
    request: { url: "/v1/kv/a?consistency=stale&maxStaleness=99" },
  },
  DEADLINE_EXCEEDED: { prepare: refusing("DEADLINE_EXCEEDED"), request: get },
  OUTCOME_UNKNOWN: { prepare: refusing("OUTCOME_UNKNOWN"), request: put, outcome: "unknown" },
  FORBIDDEN: { request: get },
};

/** By bytes on a socket (http-server.test.ts), by the clock (auth/), by the balancer (client/). */
const elsewhere: readonly ErrorCode[] = [
  "NO_NODE",
  "NODE_LOST",
  "REQUEST_TIMEOUT",
  "EXPECTATION_FAILED",
  "HEADERS_TOO_LARGE",
  "TOKEN_EXPIRED",
  "TOKEN_NOT_YET_VALID",
];

test("every code has a request that reaches it", () => {
  const reached = [...Object.keys(ways), ...elsewhere].sort();
  assert.deepEqual(reached, [...codes].sort());
});

const small = [
  "--limits.keyBytesMax=100",
  "--limits.valueBytesMax=100",
  "--limits.bodyBytesMax=1024",
  "--limits.batchOperationsMax=2",
  "--limits.rangeDeleteKeysMax=2",
];

for (const code of Object.keys(ways) as ErrorCode[]) {
  test(`${code} is answered as the table says`, async () => {
    await using api = await makeApi(...small);
    const way = ways[code];
    assert.ok(way !== undefined);
    await way.prepare?.(api);
    const headers = code === "FORBIDDEN" ? { authorization: api.bearer([]) } : {};
    const request = { ...way.request, headers: { ...headers, ...way.request.headers } };
    const response = await api.send(request);
    const problem = problemOf(response);
    assert.equal(problem.code, code);
    assert.equal(response.statusCode, errorTable[code].status);
    assert.equal(problem.status, response.statusCode);
    assert.equal(problem.title, errorTable[code].title);
    assert.equal(problem.retryable, errorTable[code].retryable);
    assert.equal(problem.outcome, way.outcome);
    assert.equal(problem.requestId, response.headers["x-request-id"]);
    assert.deepEqual([...Value.Errors(problemSchema, problem)], []);
    assert.equal(response.headers["retry-after"], problem.status === 503 ? "1" : undefined);
    assert.equal(
      response.headers["www-authenticate"] !== undefined,
      [401, 403].includes(problem.status),
    );
    assert.equal(api.server.inFlight, 0);
    assert.equal(api.finished.at(-1), code);
  });
}

test("an unexpected error's text goes to the log, not to the caller", async () => {
  await using api = await makeApi();
  api.node.memory.propose = () => Promise.reject(new Error("disk path /x is odd"));
  const response = await api.send({ ...put, headers: { "x-request-id": "my-id.1" } });
  assert.doesNotMatch(response.body, /disk path/);
  assert.equal(problemOf(response).requestId, "my-id.1");
  assert.match(api.logged.join(""), /"requestId":"my-id\.1".*disk path \/x is odd/);
});

test("a request id that is not one is replaced", async () => {
  await using api = await makeApi();
  for (const bad of ["a b", "x".repeat(65), '"', "é"]) {
    const response = await api.send({ ...get, headers: { "x-request-id": bad } });
    assert.match(String(response.headers["x-request-id"]), /^[0-9a-f]{8}-[0-9a-z]+$/);
  }
});

test("405 lists the methods of the path", async () => {
  await using api = await makeApi();
  const allowOf = async (method: "PATCH" | "OPTIONS", url: string): Promise<unknown> =>
    (await api.send({ method, url })).headers["allow"];
  assert.equal(await allowOf("PATCH", "/v1/kv/a/b"), "GET, HEAD, PUT, DELETE");
  assert.equal(await allowOf("PATCH", "/v1/batch"), "POST");
  assert.equal(await allowOf("OPTIONS", "/v1/cluster/members/1"), "DELETE, PATCH");
  assert.equal(await allowOf("OPTIONS", "/livez"), "GET");
});

test("neither keys nor values nor tokens reach the log", async () => {
  await using api = await makeApi();
  const url = "/v1/kv/very-secret-key";
  await api.send({ method: "PUT", url, payload: "very-secret-value" });
  await api.send({ url });
  await api.send({ url: `${url}/2` });
  const headers = { authorization: "Bearer very-secret-token" };
  await api.send({ url, headers });
  const logged = api.logged.join("");
  assert.match(logged, /"code":"OK"/);
  assert.doesNotMatch(logged, /very-secret/);
});

test("a deadline is taken from query or header, within the maximum", async () => {
  await using api = await makeApi("--timeouts.requestMaxMs=9000");
  const seen: number[] = [];
  const { memory } = api.node;
  const barrier = memory.readBarrier.bind(memory);
  memory.readBarrier = (deadlineMs) => {
    seen.push(deadlineMs);
    return barrier(deadlineMs);
  };
  await api.send(get);
  await api.send({ url: "/v1/kv/a?timeout=70" });
  await api.send({ ...get, headers: { "x-kv-timeout-ms": "80" } });
  assert.deepEqual(seen, [5000, 70, 80]);
  const both = await api.send({ url: "/v1/kv/a?timeout=7", headers: { "x-kv-timeout-ms": "8" } });
  assert.equal(problemOf(both).code, "INVALID_PARAMETER");
  for (const timeout of ["0", "9001", "-1", "1.5", "", "1e3"]) {
    const response = await api.send({ url: `/v1/kv/a?timeout=${timeout}` });
    assert.equal(problemOf(response).code, "INVALID_PARAMETER", timeout);
  }
});
