/**
 * Random and mangled requests: whatever arrives, the answer is a success or a clean refusal of
 * class 4xx with a problem document. Never a 5xx, never a crash, never a hang.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { errorInfo, isErrorCode } from "@kvcluster/protocol";
import { toRevision } from "../kv/index.ts";
import { makeApi, type TestApi } from "./api.test-kit.ts";
import { ApiError } from "./api-error.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";

/** mulberry32: small, seeded, good enough to pick inputs. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new Error("an empty list");
    return picked;
  }
  bytes(lengthMax: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(lengthMax + 1) }, () => this.below(256)));
  }
}

const seed = Number(process.env["SEED"] ?? 20_261_122);
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 1000);

interface Reply {
  readonly statusCode: number;
  readonly body: string;
}

function assertClean({ statusCode, body }: Reply, what: string): void {
  const where = `seed ${seed}: ${what} → ${statusCode} ${body.slice(0, 300)}`;
  assert.ok(statusCode < 500, where);
  if (statusCode < 400 || body === "") return;
  const problem = JSON.parse(body);
  assert.ok(isErrorCode(problem.code), where);
  assert.equal(errorInfo(problem.code).status, statusCode, where);
}

const methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"] as const;
const paths = [
  "/v1/kv/",
  "/v1/kv/a",
  "/v1/kv",
  "/v1/batch",
  "/v1/compact",
  "/v1/cluster",
  "/v1/cluster/members",
  "/v1/cluster/members/1",
  "/v1/cluster/members/1/promote",
  "/v1/cluster/leader",
  "/v1/cluster/join",
  "/v1/status",
  "/v1/maintenance/hash",
  "/livez",
  "/readyz",
  "/openapi.json",
  "/",
  "/v1",
  "//",
] as const;
const pieces = [
  "%",
  "%0",
  "%00",
  "%FF",
  "%zz",
  "/",
  "//",
  "..",
  "/../",
  "%2e%2e",
  "a",
  "é",
  "+",
  "&",
  "=",
  ";",
  ":",
  "{key}",
  "*",
  "__proto__",
  "constructor",
  "~",
  "\\",
] as const;
const parameters = [
  "prefix",
  "start",
  "end",
  "limit",
  "continue",
  "keysOnly",
  "count",
  "revision",
  "consistency",
  "maxStaleness",
  "timeout",
  "verbose",
  "__proto__",
  "",
] as const;
const values = [
  "",
  "1",
  "0",
  "-1",
  "9007199254740993",
  "99999999999999999999",
  "1e3",
  "NaN",
  "true",
  "stale",
  "linearizable",
  "%FF",
  "%",
  "a%00b",
  "a+b",
  "AAAA",
] as const;

const repeat = (dice: Dice, max: number, make: () => string): string =>
  Array.from({ length: dice.below(max) }, make).join("");

function randomUrl(dice: Dice): string {
  const path = dice.pick(paths) + repeat(dice, 1 + dice.below(3), () => dice.pick(pieces));
  const pairs = Array.from(
    { length: dice.below(1 + dice.below(3)) },
    () => `${dice.pick(parameters)}=${dice.pick(values)}`,
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join(dice.pick(["&", "&&", ";"]))}`;
}

const headerValues: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "if-match": ["*", '"1"', '"0"', '"a"', "1", 'W/"1"', '"1","2"', "", '"99999999999999999999"'],
  "if-none-match": ["*", '"1"', "", "x"],
  "content-type": [
    "application/json",
    "text/plain",
    "",
    "a/b;c",
    "application/json; charset=x",
    "?",
  ],
  "content-encoding": ["identity", "gzip", "br", ""],
  "x-kv-timeout-ms": ["1", "0", "-1", "x", "99999999999"],
  "x-request-id": ["a", "", "a b", "x".repeat(300)],
  expect: ["100-continue"],
  accept: ["*/*", "image/png"],
  range: ["bytes=0-0", "x"],
};

function randomHeaders(dice: Dice): Record<string, string> {
  const names = Object.keys(headerValues).filter(() => dice.below(12) === 0);
  return Object.fromEntries(names.map((name) => [name, dice.pick(headerValues[name] ?? [""])]));
}

const atoms: readonly [unknown, ...unknown[]] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  2 ** 70,
  "",
  "a",
  "\u0000",
  "\ud800",
  "YQ==",
  "YQ=",
  "127.0.0.1:1",
  "http://a:1",
  "node-2",
  "0123456789abcdef0123456789abcdef",
  [],
  {},
];
const names = [
  "operations",
  "type",
  "key",
  "keyBase64",
  "value",
  "revision",
  "target",
  "name",
  "peerAddress",
  "clientAddress",
  "clusterId",
  "nodeId",
  "members",
  "id",
  "role",
  "__proto__",
] as const;
const words: readonly [unknown, ...unknown[]] = ["put", "delete", "voter", "learner"];

function randomJson(dice: Dice, depth: number): unknown {
  const kind = dice.below(depth === 0 ? 2 : 5);
  if (kind === 0) return dice.pick(atoms);
  if (kind === 1) return dice.pick(words);
  if (kind === 2) {
    return Array.from({ length: dice.below(4) }, () => randomJson(dice, depth - 1));
  }
  const pairs = Array.from({ length: dice.below(6) }, () => [
    dice.pick(names),
    randomJson(dice, depth - 1),
  ]);
  return Object.fromEntries(pairs);
}

function randomBody(dice: Dice): Buffer {
  const json = JSON.stringify(randomJson(dice, 4)) ?? "";
  switch (dice.below(5)) {
    case 0:
      return dice.bytes(200);
    case 1: {
      const bytes = Buffer.from(json);
      if (bytes.length > 0) bytes[dice.below(bytes.length)] = dice.below(256);
      return bytes;
    }
    case 2:
      return Buffer.from(json.slice(0, dice.below(json.length + 1)));
    default:
      return Buffer.from(json);
  }
}

/** The one member must stay, and the node must go on serving: the test is of decoding. */
function keepAlive(api: TestApi): void {
  api.node.drain = async () => {};
  const { memory } = api.node;
  const admin = memory.admin.bind(memory);
  memory.admin = async (request, deadlineMs) => {
    const isOwn = request.type === "changeMembership" && request.change.type === "remove";
    return isOwn ? memory.store.summary.appliedIndex : admin(request, deadlineMs);
  };
}

/** A client that sends paths as they are; `inject` and `fetch` would normalise them. */
function makeClient(port: number, authorization: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (options: {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly payload: Buffer;
  }): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const { method, path, payload } = options;
      const length = { "content-length": String(payload.length) };
      const headers = { authorization, ...length, ...options.headers };
      const request = httpRequest({ host: "127.0.0.1", port, agent, method, path, headers });
      request.on("error", (error) => {
        // What is not HTTP gets its 400 with a body: nobody can know that it was meant as a HEAD.
        const isAfterHead =
          method === "HEAD" && Reflect.get(error, "code") === "HPE_CLOSED_CONNECTION";
        if (isAfterHead) resolve({ statusCode: 400, body: "" });
        else reject(error);
      });
      request.on("response", (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk) => {
          body += String(chunk);
        });
        response.on("end", () => resolve({ statusCode: response.statusCode ?? 0, body }));
      });
      request.end(payload);
    });
  return { send, close: () => agent.destroy() };
}

test("random paths, queries, headers and bodies are served or refused cleanly", async () => {
  await using api = await makeApi("--limits.keyBytesMax=64", "--limits.valueBytesMax=128");
  keepAlive(api);
  const address = await api.server.listen("127.0.0.1:0");
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  const client = makeClient(port, api.bearer());
  const dice = new Dice(seed);
  const counts = new Map<number, number>();
  for (let round = 0; round < rounds; round += 1) {
    const method = dice.pick(methods);
    const path = randomUrl(dice);
    const headers = randomHeaders(dice);
    const what = `round ${round} ${method} ${path} ${JSON.stringify(headers)}`;
    const reply = await client.send({ method, path, headers, payload: randomBody(dice) });
    assertClean(reply, what);
    const hundreds = Math.floor(reply.statusCode / 100);
    counts.set(hundreds, (counts.get(hundreds) ?? 0) + 1);
  }
  client.close();
  const good = counts.get(2) ?? 0;
  assert.ok(good > rounds / 50, `only ${good} of ${rounds} requests were good`);
  assert.equal(api.server.inFlight, 0);
});

test("JSON bodies are applied or refused, and refused ones change nothing", async () => {
  await using api = await makeApi();
  keepAlive(api);
  const dice = new Dice(seed + 1);
  const routes = [
    ["POST", "/v1/batch"],
    ["POST", "/v1/compact"],
    ["POST", "/v1/cluster/members"],
    ["POST", "/v1/cluster/join"],
    ["POST", "/v1/cluster/leader"],
    ["PATCH", "/v1/cluster/members/1"],
  ] as const;
  for (let round = 0; round < rounds; round += 1) {
    const [method, url] = dice.pick(routes);
    const payload = randomBody(dice);
    const before = api.node.memory.store.summary;
    const headers = { "content-type": "application/json" };
    const response = await api.send({ method, url, payload, headers });
    assertClean(response, `round ${round} ${method} ${url} ${payload.toString("latin1")}`);
    if (response.statusCode >= 400) {
      assert.equal(api.node.memory.store.summary.revision, before.revision);
    }
  }
});

test("a mangled continue token is refused, never followed", () => {
  const dice = new Dice(seed + 2);
  const range = { start: Buffer.from("a"), end: Buffer.from("b") };
  for (let round = 0; round < rounds * 4; round += 1) {
    const start = Buffer.concat([range.start, dice.bytes(20), Buffer.of(0)]);
    const token = encodeContinue({ revision: toRevision(dice.below(1000)), start }, range);
    const at = dice.below(token.length);
    const mangled = [
      token.slice(0, at),
      `${token.slice(0, at)}${dice.pick(["A", "_", "=", "é", " "])}${token.slice(at + 1)}`,
      `${token}${dice.pick(["A", "AA", "="])}`,
      dice.bytes(60).toString("base64url"),
    ].filter((one) => one !== token);
    assert.deepEqual(Buffer.from(decodeContinue(token, range).start), start);
    for (const one of mangled) {
      assert.throws(() => decodeContinue(one, range), ApiError, one);
    }
  }
});

test("random bytes on a socket are answered with 4xx or closed, and the server lives", async () => {
  await using api = await makeApi("--timeouts.headersMs=2000", "--timeouts.bodyMs=4000");
  const address = await api.server.listen("127.0.0.1:0");
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  const dice = new Dice(seed + 3);
  const starts = [
    "",
    "GET ",
    "PUT /v1/kv/a HTTP/1.1\r\n",
    "GET /v1/kv/a HTTP/1.1\r\nHost: x\r\n",
  ] as const;
  const middles = [
    "Content-Length: -1\r\n",
    "Content-Length: 1\r\nContent-Length: 2\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ": x\r\n",
    "a b: c\r\n",
    "X:\u0000\r\n",
  ] as const;
  for (let round = 0; round < 100; round += 1) {
    const socket = connect({ host: "127.0.0.1", port });
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", () => socket.destroy());
    const tail = dice.below(2) === 0 ? dice.bytes(300).toString("latin1") : dice.pick(middles);
    socket.end(Buffer.from(`${dice.pick(starts)}${tail}\r\n\r\n`, "latin1"));
    await once(socket, "close");
    assert.doesNotMatch(received, /^HTTP\/1\.1 (?!4)/m, received);
  }
  const alive = await fetch(`http://${address}/livez`);
  assert.equal(alive.status, 200);
  await alive.arrayBuffer();
});
