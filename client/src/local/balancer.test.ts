import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOk, type Backend, refuse, startBackend, until } from "../http/backend.test-kit.ts";
import { lead, problemOf, startBalancer, startPair } from "./balancer.test-kit.ts";

test("a request and its answer pass unchanged, with the client's address added", async () => {
  const a = await startBackend("a");
  let seen: NodeJS.Dict<string | string[]> = {};
  a.behaviour = (request, response, body) => {
    seen = request.headers;
    response.writeHead(201, { etag: '"7"', "x-kv-revision": "7", connection: "keep-alive" });
    response.end(Buffer.concat([body, Buffer.from([0, 255])]));
  };
  const balancer = await startBalancer([a]);
  const answer = await fetch(`${balancer.address}/v1/kv/a%2Fb?x=1`, {
    method: "PUT",
    body: Buffer.from([1, 2, 0]),
    headers: { authorization: "Bearer t", "x-forwarded-for": "10.0.0.9", te: "trailers" },
  });
  assert.equal(answer.status, 201);
  assert.deepEqual([...new Uint8Array(await answer.arrayBuffer())], [1, 2, 0, 0, 255]);
  assert.deepEqual([answer.headers.get("etag"), answer.headers.get("x-kv-revision")], ['"7"', "7"]);
  assert.deepEqual(a.received, ["PUT /v1/kv/a%2Fb?x=1"]);
  assert.equal(seen["authorization"], "Bearer t");
  assert.equal(seen["x-forwarded-for"], "10.0.0.9, 127.0.0.1");
  assert.equal(seen["x-forwarded-host"], new URL(balancer.address).host);
  assert.equal(seen["te"], undefined);
});

test("bodies larger than the buffer are streamed whole, both ways", async () => {
  const a = await startBackend("a");
  a.behaviour = (_request, response, body) => response.end(body);
  const balancer = await startBalancer([a], { bufferedBodyBytesMax: 1_000 });
  const body = Buffer.alloc(3_000_000, "kv");
  const answer = await fetch(`${balancer.address}/v1/kv/big`, { method: "PUT", body });
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(body));
});

test("an answer is passed on while it is still being made", async () => {
  const a = await startBackend("a");
  let finish = (): void => assert.fail("nothing was requested");
  a.behaviour = (_request, response) => {
    response.write("first ");
    finish = () => response.end("last");
  };
  const balancer = await startBalancer([a]);
  const answer = await fetch(`${balancer.address}/v1/watch`);
  const reader = answer.body?.getReader();
  assert.ok(reader);
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "first ");
  finish();
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "last");
});

test("reads spread, writes go to the leader and follow it when it moves", async () => {
  const nodes = [await startBackend("a"), await startBackend("b"), await startBackend("c")];
  const [a, b, c] = nodes as [Backend, Backend, Backend];
  lead(b, nodes);
  const balancer = await startBalancer(nodes);
  for (let i = 0; i < 10; i += 1) await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT" });
  assert.deepEqual([a.received.length, b.received.length, c.received.length], [0, 10, 0]);
  // At the same time: one after the other, a node that was slow once may get none of them.
  await Promise.all(Array.from({ length: 60 }, () => fetch(`${balancer.address}/v1/kv/k`)));
  for (const node of nodes) assert.ok(node.received.includes("GET /v1/kv/k"), node.name);
  await fetch(`${balancer.address}/v1/cluster`);
  assert.equal(b.received.at(-1), "GET /v1/cluster", "the leader knows most of the members");
  lead(c, nodes);
  await until("the balancer knows", () => balancer.status().leader === c.url);
  const before = c.received.length;
  for (let i = 0; i < 10; i += 1) await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT" });
  assert.equal(c.received.length - before, 10);
});

test("a dead node costs no request: reads and writes go to the living one", async () => {
  const { a, b, balancer } = await startPair();
  lead(a, [a, b]);
  await until("a leads", () => balancer.status().leader === a.url);
  await a.kill();
  for (const method of ["PUT", "GET", "POST", "DELETE", "GET", "PUT"]) {
    const answer = await fetch(`${balancer.address}/v1/kv/k`, { method });
    assert.equal(answer.status, 200, method);
  }
  assert.equal(b.received.length, 6);
  await until("a is seen gone", () =>
    balancer.status().nodes.some(({ url, health }) => url === a.url && health === "unreachable"),
  );
});

test("a node that comes back is used again", async () => {
  const { a, b, balancer } = await startPair();
  await a.kill();
  await until("a is seen gone", () =>
    balancer.status().nodes.some(({ url, health }) => url === a.url && health === "unreachable"),
  );
  const revived = await startBackend("a", Number(new URL(a.url).port));
  await until("a is back", () => balancer.status().nodes.every(({ health }) => health === "ready"));
  b.readiness = "unready";
  await until("b is out", () => balancer.status().nodes.some(({ health }) => health === "unready"));
  assert.equal((await fetch(`${balancer.address}/x`)).status, 200);
  assert.equal(revived.received.length, 1);
});

test("a write that broke in the middle is not repeated: its outcome is unknown", async () => {
  const { a, b, balancer } = await startPair();
  for (const node of [a, b]) node.behaviour = (request) => request.socket.destroy();
  for (const method of ["PUT", "POST", "DELETE", "PATCH"]) {
    const before = a.received.length + b.received.length;
    const answer = await fetch(`${balancer.address}/v1/kv/k`, { method });
    assert.equal(answer.status, 504, method);
    const problem = await problemOf(answer);
    assert.deepEqual(
      [problem["code"], problem["outcome"], problem["retryable"]],
      ["OUTCOME_UNKNOWN", "unknown", false],
    );
    assert.equal(a.received.length + b.received.length - before, 1, method);
    await until("both are back", () => balancer.status().nodes.every((n) => n.health === "ready"));
  }
});

test("a read that broke in the middle is answered by another node", async () => {
  const { a, b, balancer } = await startPair();
  a.behaviour = (request) => request.socket.destroy();
  for (let i = 0; i < 10; i += 1) {
    const answer = await fetch(`${balancer.address}/v1/kv/k`);
    assert.equal(await answer.text(), "GET /v1/kv/k 0");
  }
  assert.equal(b.received.length, 10);
});

test("a read that breaks everywhere is told as such", async () => {
  const { a, b, balancer } = await startPair();
  for (const node of [a, b]) node.behaviour = (request) => request.socket.destroy();
  const answer = await fetch(`${balancer.address}/v1/kv/k`);
  assert.equal(answer.status, 502);
  assert.equal((await problemOf(answer))["code"], "NODE_LOST");
});

test("an answer that breaks off is broken off, not completed", async () => {
  const a = await startBackend("a");
  a.behaviour = (_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => response.destroy());
  };
  const balancer = await startBalancer([a]);
  const answer = await fetch(`${balancer.address}/v1/kv/k`);
  await assert.rejects(answer.text());
});

test("a 503 of a node that did nothing is tried elsewhere, writes with their body", async () => {
  const { a, b, balancer } = await startPair();
  lead(a, [a, b]);
  await until("a leads", () => balancer.status().leader === a.url);
  a.behaviour = refuse("SHUTTING_DOWN");
  const answer = await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT", body: "12345" });
  assert.equal(await answer.text(), "PUT /v1/kv/k 5");
  assert.deepEqual([a.received.length, b.received.length], [1, 1]);
  assert.equal(balancer.status().totals.retried, 1);
});

test("a 503 that is not retryable, or of unknown outcome, is passed on as it is", async () => {
  const { a, b, balancer } = await startPair();
  for (const fields of [{ retryable: false }, { outcome: "unknown" }]) {
    for (const node of [a, b]) node.behaviour = refuse("OVERLOADED", fields);
    const before = a.received.length + b.received.length;
    const answer = await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT", body: "1" });
    assert.equal(answer.status, 503);
    assert.equal((await problemOf(answer))["detail"], "OVERLOADED");
    assert.equal(a.received.length + b.received.length - before, 1);
  }
});

test("a 503 without a problem document proves nothing, so the write is not repeated", async () => {
  const { a, b, balancer } = await startPair();
  for (const node of [a, b]) {
    node.behaviour = (_request, response) => {
      response.writeHead(503, { "content-length": "4" });
      response.end("oops");
    };
  }
  const answer = await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT", body: "1" });
  assert.deepEqual([answer.status, await answer.text()], [503, "oops"]);
  assert.equal(a.received.length + b.received.length, 1);
});

test("when every node refuses, the last refusal is passed on", async () => {
  const { a, b, balancer } = await startPair();
  for (const node of [a, b]) node.behaviour = refuse("OVERLOADED");
  const answer = await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT", body: "1" });
  assert.equal((await problemOf(answer))["code"], "OVERLOADED");
  assert.deepEqual([a.received.length, b.received.length], [1, 1]);
});

test("a streamed body that has begun is not sent again", async () => {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  const balancer = await startBalancer([a, b], { bufferedBodyBytesMax: 10 });
  for (const node of [a, b]) node.behaviour = refuse("NO_LEADER");
  const answer = await fetch(`${balancer.address}/v1/kv/k`, {
    method: "PUT",
    body: Buffer.alloc(100),
  });
  assert.equal(answer.status, 503);
  assert.equal(a.received.length + b.received.length, 1);
});

test("a streamed body whose node refuses the connection goes to another", async () => {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  lead(a, [a, b]);
  const balancer = await startBalancer([a, b], {
    bufferedBodyBytesMax: 10,
    checkIntervalMs: 60_000,
  });
  await a.kill();
  const answer = await fetch(`${balancer.address}/v1/kv/k`, {
    method: "PUT",
    body: Buffer.alloc(100),
  });
  assert.equal(await answer.text(), "PUT /v1/kv/k 100");
});

test("a slow node gets less, and is not waited for by those who come after", async () => {
  const { a, b, balancer } = await startPair();
  const held: (() => void)[] = [];
  a.behaviour = (_request, response) => held.push(() => response.end("late"));
  const waiting = Array.from({ length: 20 }, () => fetch(`${balancer.address}/v1/kv/k`));
  await until("twenty arrived", () => a.received.length + b.received.length === 20);
  for (let i = 0; i < 20; i += 1) {
    const answer = await fetch(`${balancer.address}/v1/kv/k`);
    assert.equal(await answer.text(), "GET /v1/kv/k 0");
  }
  for (const release of held) release();
  await Promise.all(waiting.map(async (answer) => (await answer).text()));
});

test("a node that stops answering is found out, and what waits for it is not held", async () => {
  // Of the node that comes back: this process, which both are part of, may stand still for a while.
  const { a, b, balancer } = await startPair({ checkTimeoutMs: 500 });
  lead(a, [a, b]);
  await until("a leads", () => balancer.status().leader === a.url);
  a.behaviour = () => {};
  const write = fetch(`${balancer.address}/v1/kv/k`, { method: "PUT", body: "1" });
  await a.gotRequests(1);
  b.behaviour = () => {};
  const read = fetch(`${balancer.address}/v1/kv/r`);
  await until("the read arrived", () => a.received.length + b.received.length === 2);
  b.behaviour = answerOk;
  // Both stop answering; the read is served again by the one that comes back.
  a.readiness = "silent";
  const problem = await problemOf(await write);
  assert.equal(problem["code"], "OUTCOME_UNKNOWN");
  if (b.received.length === 1) b.readiness = "silent";
  else assert.equal((await read).status, 200);
  a.readiness = "ready";
  a.behaviour = answerOk;
  assert.equal(await (await read).text(), "GET /v1/kv/r 0");
});

test("without any node: 503 at once, with a document that says so", async () => {
  const { a, b, balancer } = await startPair();
  await Promise.all([a.kill(), b.kill()]);
  await until("both are seen gone", () =>
    balancer.status().nodes.every(({ health }) => health === "unreachable"),
  );
  const startedMs = performance.now();
  const answer = await fetch(`${balancer.address}/v1/kv/k`, { method: "PUT", body: "1" });
  assert.ok(performance.now() - startedMs < 5_000);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "1");
  const problem = await problemOf(answer);
  assert.deepEqual([problem["code"], problem["retryable"]], ["NO_NODE", true]);
  assert.equal((await fetch(`${balancer.address}/livez`)).status, 200);
  assert.equal((await fetch(`${balancer.address}/readyz`)).status, 503);
});

test("nodes that answer but are not ready still get what only they can answer", async () => {
  const { a, b, balancer } = await startPair();
  a.readiness = "unready";
  b.readiness = "unready";
  await until("both are unready", () =>
    balancer.status().nodes.every(({ health }) => health === "unready"),
  );
  assert.equal((await fetch(`${balancer.address}/v1/kv/k?consistency=stale`)).status, 200);
});
