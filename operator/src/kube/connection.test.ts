import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import { systemClock } from "./clock.ts";
import { KubeConnection } from "./connection.ts";
import { loadKubeConfig } from "./credentials.ts";
import { isKubeError, type KubeError } from "./kube-error.ts";
import { ManualClock, ScriptedApiServer } from "./scripted-api-server.test-kit.ts";

const get = { method: "GET", path: "/api/v1/things" } as const;
const post = { method: "POST", path: "/api/v1/things", body: { a: 1 } } as const;

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(isKubeError(error), String(error));
  return error as KubeError;
}

test("a request goes out whole, with our token and the content type it needs", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const answer = server.connect(new ManualClock()).request({
    method: "PATCH",
    path: "/apis/apps/v1/namespaces/shop/statefulsets/store",
    query: { fieldManager: "me", force: "true" },
    contentType: "application/apply-patch+yaml",
    body: { kind: "StatefulSet", unknownToAnyModel: { deep: [{ x: null }] } },
  });
  const request = await server.next();
  assert.equal(request.headers["authorization"], "Bearer test-token");
  assert.equal(request.headers["content-type"], "application/apply-patch+yaml");
  assert.equal(request.url.search, "?fieldManager=me&force=true");
  assert.deepEqual(request.json(), {
    kind: "StatefulSet",
    unknownToAnyModel: { deep: [{ x: null }] },
  });
  request.reply(200, { also: "whole" });
  assert.deepEqual(await answer, { also: "whole" });
});

test("what goes through a connection within a signal is given up when that aborts", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const whole = server.connect(new ManualClock());
  const lease = new AbortController();
  const within = whole.within(lease.signal);
  const write = failure(within.request(post));
  const sent = await server.next();
  const other = whole.request(get);
  const read = await server.next();
  const later = failure(within.request({ ...get, signal: new AbortController().signal }));
  const third = await server.next();
  lease.abort();
  assert.equal((await write).code, "aborted");
  assert.equal((await later).code, "aborted");
  await sent.closed();
  await third.closed();
  assert.equal((await failure(within.request(post))).code, "aborted");
  assert.equal((await failure(within.stream(get))).code, "aborted");
  read.reply(200, { goes: "on" });
  assert.deepEqual(await other, { goes: "on" });
  assert.equal(server.count, 3);
});

test("each refusal of the API server has its stable code", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const connection = server.connect(new ManualClock());
  const cases = [
    [404, "NotFound", "notFound"],
    [409, "Conflict", "conflict"],
    [409, "AlreadyExists", "alreadyExists"],
    [410, "Expired", "gone"],
    [403, "Forbidden", "forbidden"],
    [422, "Invalid", "invalid"],
    [400, "BadRequest", "invalid"],
    [503, "ServiceUnavailable", "unavailable"],
    [504, "Timeout", "timeout"],
    [418, "", "invalid"],
  ] as const;
  for (const [status, reason, code] of cases) {
    const failed = failure(connection.request({ ...post, retriesMax: 0 }));
    (await server.next()).refuse(status, reason);
    const error = await failed;
    assert.deepEqual([error.code, error.status], [code, status]);
    assert.match(
      error.message,
      new RegExp(`^POST /api/v1/things answered ${status} ${reason}: said`),
    );
  }
});

test("an apply with a field that no schema knows is invalid, though it says 500", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const failed = failure(server.connect(new ManualClock()).request({ ...post, retriesMax: 0 }));
  const why = ".spec.ingress[0].from[0].podSelectr: field not declared in schema";
  const message = `failed to create typed patch object (shop/store; v1, Kind=X): ${why}`;
  (await server.next()).reply(500, { kind: "Status", status: "Failure", message, code: 500 });
  const error = await failed;
  assert.equal(error.code, "invalid");
  assert.ok(error.message.endsWith(why));
});

test("what a server says about a secret body is not repeated", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const request = { ...post, isConcealed: true };
  const failed = failure(server.connect(new ManualClock()).request(request));
  (await server.next()).reply(422, { kind: "Status", reason: "Invalid", message: "hunter2" });
  assert.doesNotMatch((await failed).message, /hunter2/);
});

test("a read is repeated after 5xx with growing delays, at most three times", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const failed = failure(server.connect(clock).request(get));
  for (const delay of [250, 500, 1000]) {
    (await server.next()).refuse(503, "ServiceUnavailable");
    await clock.timer(delay);
    clock.advance(delay);
  }
  (await server.next()).refuse(503, "ServiceUnavailable");
  assert.equal((await failed).code, "unavailable");
  assert.equal(server.count, 4);
  assert.deepEqual(clock.waiting, []);
});

test("a write is not repeated after 5xx or a reset: it may have been done", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const connection = server.connect(new ManualClock());
  const refused = failure(connection.request(post));
  (await server.next()).refuse(500, "InternalError");
  assert.equal((await refused).code, "unavailable");
  const broken = failure(connection.request(post));
  (await server.next()).reset();
  assert.equal((await broken).code, "unavailable");
  assert.equal(server.count, 2);
});

test("after 429 also a write waits as long as Retry-After says, then goes again", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const answer = server.connect(clock).request(post);
  (await server.next()).refuse(429, "TooManyRequests", { "retry-after": "7" });
  await clock.timer(7000);
  clock.advance(7000);
  (await server.next()).reply(201, { done: true });
  assert.deepEqual(await answer, { done: true });
});

test("a Retry-After beyond our patience is left to the caller", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const failed = failure(server.connect(new ManualClock()).request(get));
  (await server.next()).refuse(429, "TooManyRequests", { "retry-after": "600" });
  const error = await failed;
  assert.deepEqual([error.code, error.retryAfterMs], ["tooManyRequests", 600_000]);
});

test("a request that hangs times out, whether before or within its answer", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const connection = server.connect(clock);
  const silent = failure(connection.request({ ...post, timeoutMs: 5000 }));
  const first = await server.next();
  clock.advance(5000);
  assert.equal((await silent).code, "timeout");
  await first.closed();
  const slow = failure(connection.request({ ...post, timeoutMs: 5000 }));
  const second = await server.next();
  second.open();
  second.write('{"half":');
  clock.advance(5000);
  assert.equal((await slow).code, "timeout");
  await second.closed();
  assert.deepEqual(clock.waiting, []);
});

test("giving up ends a request and the delay before a repetition", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const connection = server.connect(clock);
  const stop = new AbortController();
  const hanging = failure(connection.request({ ...get, signal: stop.signal }));
  const delayed = failure(connection.request({ ...get, signal: stop.signal }));
  const first = await server.next();
  (await server.next()).refuse(503, "ServiceUnavailable");
  await clock.timer(250);
  stop.abort();
  assert.equal((await hanging).code, "aborted");
  assert.equal((await delayed).code, "aborted");
  await first.closed();
  assert.equal(server.count, 2);
});

test("after a 401 a request is sent once more, with proof read anew", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const config = new KubeConfig();
  const user = { name: "tester", token: "old" };
  config.loadFromClusterAndUser({ name: "c", server: server.url, skipTLSVerify: true }, user);
  const clock = new ManualClock();
  const connection = new KubeConnection({ config, clock, random: () => 0.5 });
  const answer = connection.request(post);
  const refused = await server.next();
  assert.equal(refused.headers["authorization"], "Bearer old");
  config.users = [{ ...user, token: "new" }];
  refused.refuse(401, "Unauthorized");
  await clock.timer(0);
  clock.advance(0);
  const second = await server.next();
  assert.equal(second.headers["authorization"], "Bearer new");
  second.refuse(401, "Unauthorized");
  assert.equal((await failure(answer)).code, "unauthorized");
  assert.equal(server.count, 2);
});

test("requests one after the other share connections", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const connection = server.connect(new ManualClock());
  const stop = new AbortController();
  const opening = connection.stream({ ...get, signal: stop.signal });
  (await server.next()).open();
  await opening;
  for (let i = 0; i < 10; i++) {
    const answer = connection.request(get);
    (await server.next()).reply(200, {});
    await answer;
  }
  // The next may begin before the last one's connection is free again.
  assert.ok(server.connections <= 3, `${server.connections} connections`);
  stop.abort();
});

test("after a minute our proof is read anew: tokens are rotated", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const config = new KubeConfig();
  const user = { name: "tester", token: "old" };
  config.loadFromClusterAndUser({ name: "c", server: server.url, skipTLSVerify: true }, user);
  const clock = new ManualClock();
  const connection = new KubeConnection({ config, clock, random: () => 0.5 });
  const proofOf = async (): Promise<string | undefined> => {
    const answer = connection.request(get);
    const request = await server.next();
    request.reply(200, {});
    await answer;
    return request.headers["authorization"];
  };
  assert.equal(await proofOf(), "Bearer old");
  config.users = [{ ...user, token: "new" }];
  assert.equal(await proofOf(), "Bearer old");
  clock.advance(60_001);
  assert.equal(await proofOf(), "Bearer new");
});

test("an answer that is no JSON is malformed", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const failed = failure(server.connect(new ManualClock()).request(post));
  (await server.next()).reply(200, "<html>");
  assert.equal((await failed).code, "malformed");
});

test("nobody listening is unavailable, and the error says why", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const connection = server.connect(systemClock);
  await server.stop();
  const error = await failure(connection.request(post));
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /ECONNREFUSED/);
});

test("without KUBECONFIG and outside a pod there is no cluster, and no file is guessed", () => {
  assert.throws(
    () => loadKubeConfig({ HOME: "/root" }),
    /neither KUBECONFIG nor a service account/,
  );
  assert.throws(() => loadKubeConfig({ KUBECONFIG: "/nonexistent" }), /cannot read KUBECONFIG/);
});
