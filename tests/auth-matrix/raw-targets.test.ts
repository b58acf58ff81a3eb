/**
 * Requests as no client library would send them, over a real socket: request targets, headers and
 * methods that a proxy or a router might read in another way than access control does.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { everything, type Matrix, makeMatrix, tokenFor } from "./matrix.test-kit.ts";

interface Listening extends AsyncDisposable {
  readonly matrix: Matrix;
  /** Sends the lines and reads until the server closes; `connection: close` is added. */
  send(...lines: readonly string[]): Promise<string>;
}

async function listen(): Promise<Listening> {
  const matrix = await makeMatrix();
  const address = await matrix.server.listen("127.0.0.1:0");
  const port = Number(address.split(":").at(-1));
  const send = (...lines: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      let text = "";
      socket.setEncoding("latin1");
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(text));
      socket.write(`${[...lines, "host: x", "connection: close"].join("\r\n")}\r\n\r\n`, "latin1");
    });
  return { matrix, send, [Symbol.asyncDispose]: () => matrix[Symbol.asyncDispose]() };
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const bearer = (token: string): string => `authorization: Bearer ${token}`;

async function putSecret({ matrix }: Listening, key: string): Promise<void> {
  const url = `/v1/kv/${encodeURIComponent(key)}`;
  const put = { method: "PUT", url, payload: "the secret" } as const;
  assert.equal((await matrix.send(put, tokenFor(everything))).statusCode, 201);
}

test("no spelling of a target reaches a value without a token", async () => {
  await using server = await listen();
  await putSecret(server, "a");
  const targets = [
    "/v1/kv/a",
    "/v1/kv/%61",
    "//v1/kv/a",
    "/v1//kv/a",
    "/v1/kv//a",
    "/V1/kv/a",
    "/v1/KV/a",
    "/%76%31/kv/a",
    "/v1%2Fkv%2Fa",
    "/v1/kv/a/",
    "/v1/kv/a?x",
    "/v1/kv/a#x",
    "/v1/kv/a;x",
    "/livez/../v1/kv/a",
    "/metrics/..%2fv1/kv/a",
    "/v1/kv/../kv/a",
    "/./v1/kv/a",
    "/v1/kv?prefix=",
    "/v1/kv/?prefix=",
    "/v1/kv/{key}",
    "http://x/v1/kv/a",
    "http://127.0.0.1/v1/kv/a",
    "HTTPS://x/v1/kv/a",
    "http://x?/v1/kv/a",
    "*",
    "v1/kv/a",
    "/v1/kv/a%00",
    "/v1/kv/a\t",
    "/v1/kv/a?authorization=Bearer",
  ];
  for (const target of targets) {
    for (const method of ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "get", "BREW"]) {
      const answer = await server.send(`${method} ${target} HTTP/1.1`);
      const status = statusOf(answer);
      assert.ok(status >= 400 && status < 500, `${method} ${target}: ${answer.slice(0, 60)}`);
      assert.doesNotMatch(answer, /the secret/);
    }
  }
  assert.equal(server.matrix.node.memory.barriers, 0);
});

test("dots in a key are bytes of it: they lead out of no prefix", async () => {
  await using server = await listen();
  await putSecret(server, "b/1");
  await putSecret(server, "app/1");
  const app = bearer(tokenFor([{ prefix: "app/", verbs: ["read", "write"] }]));
  for (const target of [
    "/v1/kv/app/../b/1",
    "/v1/kv/app/..%2Fb/1",
    "/v1/kv/app%2F..%2Fb%2F1",
    "/v1/kv/app/%2e%2e/b/1",
    "/v1/kv/app//../b/1",
    "/v1/kv/app/%5c..%5cb/1",
  ]) {
    const answer = await server.send(`GET ${target} HTTP/1.1`, app);
    assert.equal(statusOf(answer), 404, `${target}: a key of its own under app/`);
  }
  for (const target of ["/v1/kv/b/1", "/v1/kv/b/../app/1", "/v1/kv/./app/1", "/v1/kv//app/1"]) {
    const answer = await server.send(`GET ${target} HTTP/1.1`, app);
    assert.equal(statusOf(answer), 403, target);
  }
  assert.equal(statusOf(await server.send("GET /v1/kv/app/1 HTTP/1.1", app)), 200);
});

test("of two Authorization headers the first counts, and no proxy header does", async () => {
  await using server = await listen();
  await putSecret(server, "a");
  const good = bearer(tokenFor(everything));
  const bad = bearer("garbage");
  const get = "GET /v1/kv/a HTTP/1.1";
  assert.equal(statusOf(await server.send(get, good)), 200);
  assert.equal(statusOf(await server.send(get, bad, good)), 401);
  const token = good.slice("authorization: ".length);
  for (const name of [
    "x-forwarded-authorization",
    "proxy-authorization",
    "x-authorization",
    "authorization ",
    "cookie",
    "x-original-url",
    "x-http-method-override",
  ]) {
    const answer = await server.send(get, `${name}: ${token}`);
    assert.ok([400, 401].includes(statusOf(answer)), `${name}: ${answer.slice(0, 60)}`);
  }
});

test("a token that does not fit the limits is refused before it costs anything", async () => {
  await using server = await listen();
  const get = "GET /v1/kv/a HTTP/1.1";
  const large = await server.send(get, bearer("x".repeat(9000)));
  assert.equal(statusOf(large), 401);
  assert.match(large, /TOKEN_INVALID/);
  const huge = await server.send(get, bearer("x".repeat(40_000)));
  assert.equal(statusOf(huge), 431);
});

test("the body of a refused request is not read", async () => {
  await using server = await listen();
  const answer = await server.send("PUT /v1/kv/a HTTP/1.1", "content-length: 1000000");
  assert.equal(statusOf(answer), 401);
  assert.match(answer, /connection: close/i);
});
