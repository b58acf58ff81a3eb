import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, test } from "node:test";
import { KVStoreClient } from "./client.ts";
import { KVClientError, UnknownOutcomeError } from "./errors.ts";
import { type Backend, refuse, startBackend, until } from "./http/backend.test-kit.ts";
import type { ClientLimits, KVStoreClientOptions } from "./options.ts";

const quick: Partial<ClientLimits> = { timeoutMs: 3_000, backoffBaseMs: 5, backoffMaxMs: 20 };

function open(
  nodes: readonly (Backend | string)[],
  options: Partial<KVStoreClientOptions> = {},
): KVStoreClient {
  const client = new KVStoreClient({
    auth: { token: "t" },
    ...options,
    endpoints: nodes.map((node) => (typeof node === "string" ? node : node.url)),
    limits: { ...quick, ...options.limits },
  });
  after(() => client.close());
  return client;
}

const putAnswer = (_request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end('{"revision":7,"created":false}');
};

const breakOff = (request: IncomingMessage): void => {
  request.socket.destroy();
};

async function failure(task: Promise<unknown>): Promise<KVClientError> {
  const error = await task.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KVClientError, String(error));
  return error;
}

/** An address at which nothing listens. */
async function deadEndpoint(): Promise<string> {
  const backend = await startBackend("dead");
  await backend.kill();
  return backend.url;
}

/** Every write that there is, by name. */
const writes: Readonly<Record<string, (client: KVStoreClient) => Promise<unknown>>> = {
  set: (client) => client.set("k", "v"),
  "set under a condition": (client) => client.set("k", "v", { ifRevision: 3 }),
  compareAndSet: (client) => client.compareAndSet("k", 3, { value: "v" }),
  delete: (client) => client.delete("k"),
  deleteRange: (client) => client.deleteRange({ prefix: "k" }),
  batch: (client) => client.batch([{ type: "put", key: "k", value: "v" }]),
  compact: (client) => client.compact(3),
  addMember: (client) =>
    client.admin.addMember({ name: "n", peerAddress: "h:1", clientAddress: "http://h:2" }),
  removeMember: (client) => client.admin.removeMember(3),
  transferLeader: (client) => client.admin.transferLeader(null),
  bootstrap: (client) => client.admin.bootstrap(),
};

test("no write of unknown outcome is ever repeated", async (t) => {
  for (const [name, write] of Object.entries(writes)) {
    await t.test(name, async () => {
      const nodes = [await startBackend("a"), await startBackend("b")];
      for (const node of nodes) node.behaviour = breakOff;
      const error = await failure(write(open(nodes)));
      assert.ok(error instanceof UnknownOutcomeError);
      assert.deepEqual([error.code, error.retryable], ["OUTCOME_UNKNOWN", false]);
      const received = nodes.flatMap((node) => node.received);
      assert.equal(received.length, 1, received.join());
    });
  }
});

test("answers that leave the outcome of a write open are UnknownOutcomeError too", async () => {
  const node = await startBackend("a");
  const client = open([node]);
  const html = (status: number) => (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, { "content-type": "text/html" });
    response.end("<h1>a proxy's page</h1>");
  };
  for (const behaviour of [
    refuse("OUTCOME_UNKNOWN", { status: 504, retryable: false, outcome: "unknown" }),
    refuse("INTERNAL", { status: 500, retryable: false }),
    refuse("NO_LEADER", { outcome: "unknown" }),
    html(500),
    html(502),
    html(503),
    html(504),
  ]) {
    node.behaviour = behaviour;
    const before = node.received.length;
    assert.ok((await failure(client.set("k", "v"))) instanceof UnknownOutcomeError);
    assert.equal(node.received.length - before, 1);
  }
});

test("a write that was refused without effect is repeated, at another node first", async () => {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  a.behaviour = refuse("SHUTTING_DOWN");
  b.behaviour = putAnswer;
  const client = open([a, b]);
  for (let i = 0; i < 10; i += 1) await client.set("k", "v");
  assert.equal(b.received.length, 10);
  assert.ok(a.received.length < 10, "a node that refuses is left alone for a while");
});

test("a single node that refuses is asked again, until it serves", async () => {
  const node = await startBackend("a");
  let refusals = 3;
  node.behaviour = (request, response, body) => {
    refusals -= 1;
    (refusals >= 0 ? refuse("NO_LEADER") : putAnswer)(request, response, body);
  };
  assert.equal((await open([node]).set("k", "v")).revision, 7);
  assert.equal(node.received.length, 4);
});

test("the number of attempts is bounded, and the error says what the node said", async () => {
  const node = await startBackend("a");
  node.behaviour = refuse("OVERLOADED");
  const error = await failure(open([node], { limits: { attemptsMax: 3 } }).set("k", "v"));
  assert.deepEqual([error.code, error.status, error.retryable], ["OVERLOADED", 503, true]);
  assert.equal(error.endpoint, node.url);
  assert.equal(node.received.length, 3);
});

test("the retry budget bounds repetition over all calls", async () => {
  const node = await startBackend("a");
  node.behaviour = refuse("OVERLOADED");
  const client = open([node], { limits: { retryBudgetMax: 2, retryBudgetRatio: 0 } });
  for (let i = 0; i < 5; i += 1) await failure(client.get("k"));
  assert.equal(node.received.length, 7);
});

test("a refused connection costs neither reads nor writes when another node lives", async () => {
  const node = await startBackend("a");
  node.behaviour = putAnswer;
  const client = open([await deadEndpoint(), node]);
  for (let i = 0; i < 10; i += 1) await client.set("k", "v");
  assert.equal(node.received.length, 10);
});

test("nothing listens anywhere: UNREACHABLE, and nothing was sent", async () => {
  const client = open([await deadEndpoint()], { limits: { attemptsMax: 2 } });
  const error = await failure(client.set("k", "v"));
  assert.deepEqual([error.code, error.retryable], ["UNREACHABLE", true]);
});

test("a read is repeated after a broken connection and after any 5xx", async () => {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  const answer = (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { etag: '"5"', "x-kv-create-revision": "4", "x-kv-version": "2" });
    response.end("value");
  };
  b.behaviour = answer;
  const client = open([a, b]);
  for (const behaviour of [breakOff, refuse("INTERNAL", { status: 500, retryable: false })]) {
    a.behaviour = behaviour;
    for (let i = 0; i < 5; i += 1) {
      const entry = await client.get("k");
      assert.deepEqual([entry?.text(), entry?.modRevision], ["value", 5]);
      assert.deepEqual([entry?.createRevision, entry?.version], [4, 2]);
    }
  }
});

test("a node that does not answer a read is given up for another", async () => {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  a.behaviour = () => {};
  b.behaviour = refuse("KEY_NOT_FOUND", { status: 404, retryable: false });
  const client = open([a, b], { limits: { readAttemptTimeoutMs: 1_000 } });
  for (let i = 0; i < 4; i += 1) assert.equal(await client.get("k"), null);
  assert.ok(a.received.length <= 1, "asked once at most, then left alone");
});

test("a refusal that is final is thrown as it is, without another attempt", async () => {
  const node = await startBackend("a");
  const client = open([node]);
  for (const [code, status] of [
    ["FORBIDDEN", 403],
    ["VALUE_TOO_LARGE", 413],
    ["CONDITION_FAILED", 412],
    ["CODE_OF_THE_FUTURE", 418],
  ] as const) {
    node.behaviour = refuse(code, { status, retryable: false });
    const before = node.received.length;
    const error = await failure(client.set("k", "v"));
    assert.deepEqual([error.code, error.status, error.retryable], [code, status, false]);
    assert.ok(!(error instanceof UnknownOutcomeError));
    assert.equal(node.received.length - before, 1);
  }
});

test("compareAndSet tells a conflict with the revision that is", async () => {
  const node = await startBackend("a");
  let seen: NodeJS.Dict<string | string[]> = {};
  node.behaviour = (request, response, body) => {
    seen = request.headers;
    const fields = { status: 412, retryable: false, revision: 9 };
    refuse("CONDITION_FAILED", fields)(request, response, body);
  };
  const client = open([node]);
  const result = await client.compareAndSet("k", 3, { value: "v" });
  assert.deepEqual(result, { type: "conflict", revision: 9 });
  assert.equal(seen["if-match"], '"3"');
  await client.compareAndSet("k", null, { value: "v" });
  assert.equal(seen["if-none-match"], "*");
  node.behaviour = putAnswer;
  const set = await client.compareAndSet("k", 3, { value: "v" });
  assert.deepEqual(set, { type: "set", revision: 7, created: false });
});

test("the deadline ends a call; the outcome of a write that was sent is unknown", async () => {
  const node = await startBackend("a");
  node.behaviour = () => {};
  const client = open([node]);
  const read = await failure(client.get("k", { timeoutMs: 1_000 }));
  assert.deepEqual([read.code, read.retryable], ["DEADLINE_EXCEEDED", true]);
  assert.ok(
    (await failure(client.set("k", "v", { timeoutMs: 1_000 }))) instanceof UnknownOutcomeError,
  );
});

test("the deadline between two attempts tells why the last one failed", async () => {
  const node = await startBackend("a");
  node.behaviour = refuse("NO_LEADER");
  const limits = { backoffBaseMs: 4_000, backoffMaxMs: 4_000 };
  const error = await failure(open([node], { limits }).set("k", "v", { timeoutMs: 1_000 }));
  assert.equal(error.code, "NO_LEADER");
});

test("a caller's signal ends a call; before it is sent nothing was changed", async () => {
  const node = await startBackend("a");
  node.behaviour = () => {};
  const client = open([node]);
  const early = await failure(client.set("k", "v", { signal: AbortSignal.abort() }));
  assert.equal(early.code, "ABORTED");
  assert.deepEqual(node.received, []);
  const caller = new AbortController();
  const [read, write] = [
    failure(client.get("k", { signal: caller.signal })),
    failure(client.set("k", "v", { signal: caller.signal })),
  ];
  await node.gotRequests(2);
  caller.abort();
  assert.equal((await read).code, "ABORTED");
  assert.ok((await write) instanceof UnknownOutcomeError);
});

test("closing ends what is under way and refuses what comes later", async () => {
  const node = await startBackend("a");
  node.behaviour = () => {};
  const client = open([node]);
  const read = failure(client.get("k"));
  await node.gotRequests(1);
  await client.close();
  assert.equal((await read).code, "CLOSED");
  assert.equal((await failure(client.get("k"))).code, "CLOSED");
});

test("calls beyond the limit are refused at once", async () => {
  const node = await startBackend("a");
  node.behaviour = () => {};
  const client = open([node], { limits: { callsMax: 1 } });
  const first = failure(client.get("k", { timeoutMs: 300 }));
  const second = await failure(client.get("k"));
  assert.deepEqual([second.code, second.retryable], ["OVERLOADED", true]);
  await first;
});

test("an answer longer than the limit is cut off", async () => {
  const node = await startBackend("a");
  node.behaviour = (_request, response) => response.end(Buffer.alloc(2_000));
  const error = await failure(open([node], { limits: { answerBytesMax: 1_000 } }).get("k"));
  assert.equal(error.code, "ANSWER_TOO_LARGE");
  assert.equal(node.received.length, 1);
});

test("answers that are none of KVCluster's are BAD_ANSWER", async () => {
  const node = await startBackend("a");
  const client = open([node]);
  node.behaviour = (_request, response) => response.end("<html>");
  const write = await failure(client.set("k", "v"));
  assert.ok(write instanceof UnknownOutcomeError, "a write with such an answer may be done");
  assert.equal((await failure(client.get("k"))).code, "BAD_ANSWER");
  assert.equal((await failure(client.cluster())).code, "BAD_ANSWER");
  node.behaviour = (_request, response) => {
    response.statusCode = 404;
    response.end("not found");
  };
  assert.equal((await failure(client.get("k"))).code, "BAD_ANSWER");
  assert.equal((await failure(client.delete("k"))).code, "BAD_ANSWER");
});

test("the node is told a deadline a little shorter than the client's own", async () => {
  const node = await startBackend("a");
  let told = 0;
  node.behaviour = (request, response) => {
    told = Number(request.headers["x-kv-timeout-ms"]);
    putAnswer(request, response);
  };
  await open([node]).set("k", "v", { timeoutMs: 2_000 });
  assert.ok(told > 1_500 && told < 2_000, String(told));
});

test("writes go to the leader once it is known, and to the next one when it moves", async () => {
  const nodes = [await startBackend("a"), await startBackend("b"), await startBackend("c")];
  const lead = (leader: Backend | undefined): void => {
    for (const node of nodes) {
      node.behaviour = putAnswer;
      node.role = node === leader ? "leader" : "follower";
      if (leader !== undefined) node.leader = { name: leader.name, clientAddress: leader.url };
    }
  };
  const client = open(nodes, { limits: { leaderRefreshMs: 20 } });
  const leads = (node: Backend | undefined): Promise<void> =>
    until("the client knows", async () => {
      await client.set("k", "v");
      return client.endpoints().some(({ url, isLeader }) => isLeader && url === node?.url);
    });
  for (const leader of [nodes[1], nodes[2]]) {
    lead(leader);
    await leads(leader);
    const before = leader?.received.length ?? 0;
    for (let i = 0; i < 10; i += 1) await client.set("k", "v");
    assert.equal((leader?.received.length ?? 0) - before, 10);
  }
});

test("endpoints and limits that are none are refused by name", () => {
  for (const endpoint of ["ftp://h:1", "http://h:1/path", "http://u:p@h:1", ""]) {
    assert.throws(() => open([endpoint]), /not an endpoint/, endpoint);
  }
  assert.throws(() => open([]), /at least one endpoint/);
  assert.throws(() => open(["h:1"], { limits: { callsMax: Number.NaN } }), /limits.callsMax/);
  assert.equal(open(["h:1", "http://h:1/"]).endpoints().length, 1, "the same one twice is one");
});

test("contradictory conditions and ranges are refused before anything is sent", async () => {
  const client = open([await deadEndpoint()]);
  const calls = [
    client.set("k", "v", { ifRevision: 1, ifAbsent: true }),
    client.deleteRange({ prefix: "a", start: "b" }),
    client.get(""),
  ];
  const codes = (await Promise.all(calls.map(failure))).map(({ code }) => code);
  assert.deepEqual(codes, ["INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_KEY"]);
});
