import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { makeApi, type TestApi, until } from "./api.test-kit.ts";

/** A raw connection: what is sent is what the test says, byte by byte. */
class Wire implements AsyncDisposable {
  readonly socket: Socket;
  received = "";
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      this.received += String(chunk);
    });
    socket.on("close", () => {
      this.closed = true;
    });
    // A server that cuts a connection resets it: that is what some tests wait for.
    socket.on("error", () => {
      this.closed = true;
    });
  }

  static async open(address: string): Promise<Wire> {
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    const wire = new Wire(connect({ host: "127.0.0.1", port }));
    await once(wire.socket, "connect");
    return wire;
  }

  send(...lines: readonly string[]): this {
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    return this;
  }

  /** Statuses of the answers so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  async until(count: number): Promise<void> {
    await until(() => this.statuses.length >= count || this.closed);
    assert.equal(this.statuses.length, count, this.received);
  }

  async untilClosed(): Promise<void> {
    await until(() => this.closed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.untilClosed();
  }
}

interface Listening extends AsyncDisposable {
  readonly api: TestApi;
  readonly address: string;
  readonly auth: string;
  open(): Promise<Wire>;
}

async function listen(...flags: readonly string[]): Promise<Listening> {
  const api = await makeApi(...flags);
  const address = await api.server.listen("127.0.0.1:0");
  return {
    api,
    address,
    auth: `Authorization: ${api.bearer()}`,
    open: () => Wire.open(address),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

const host = "Host: x";

test("requests pipelined on one connection are answered in order on it", async () => {
  await using on = await listen();
  await using wire = await on.open();
  wire.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Content-Length: 1");
  wire.socket.write("1");
  wire.send("GET /v1/kv/a HTTP/1.1", host, on.auth).send("GET /v1/kv/b HTTP/1.1", host, on.auth);
  await wire.until(3);
  assert.deepEqual(wire.statuses, [201, 200, 404]);
  assert.equal(wire.closed, false);
});

test("a chunked body is a value; the absolute form of a target is understood", async () => {
  await using on = await listen();
  await using wire = await on.open();
  wire.send("PUT http://any.host/v1/kv/a HTTP/1.1", host, on.auth, "Transfer-Encoding: chunked");
  wire.socket.write("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  wire.send("GET /v1/kv/a HTTP/1.1", host, on.auth);
  await wire.until(2);
  assert.match(wire.received, /abcde$/);
});

test("bytes that are no HTTP get a problem document and the connection is closed", async () => {
  await using on = await listen();
  for (const bytes of ["hello", "GET / HTTP/9.9", "FOO /v1/kv/a HTTP/1.1", "GET /a b HTTP/1.1"]) {
    await using wire = await on.open();
    wire.send(bytes, host);
    await wire.untilClosed();
    assert.deepEqual(wire.statuses, [400], bytes);
    assert.match(wire.received, /application\/problem\+json/);
    assert.match(wire.received, /"code":"BAD_REQUEST"/);
  }
});

test("headers above the limit are HEADERS_TOO_LARGE", async () => {
  await using on = await listen();
  await using wire = await on.open();
  wire.send("GET /livez HTTP/1.1", host, `X-Filler: ${"a".repeat(40_000)}`);
  await wire.untilClosed();
  assert.deepEqual(wire.statuses, [431]);
  assert.match(wire.received, /"code":"HEADERS_TOO_LARGE"/);
});

test("headers that come too slowly are REQUEST_TIMEOUT", async () => {
  await using on = await listen("--timeouts.headersMs=100");
  await using wire = await on.open();
  wire.socket.write("GET /livez HTTP/1.1\r\nX-");
  await wire.untilClosed();
  assert.deepEqual(wire.statuses, [408]);
  assert.match(wire.received, /"code":"REQUEST_TIMEOUT"/);
});

test("a body that comes too slowly is REQUEST_TIMEOUT, and nothing is written", async () => {
  await using on = await listen("--timeouts.headersMs=100", "--timeouts.bodyMs=200");
  await using wire = await on.open();
  wire.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Content-Length: 10");
  wire.socket.write("12345");
  await wire.untilClosed();
  assert.deepEqual(wire.statuses, [408]);
  assert.equal(on.api.node.memory.proposals, 0);
  await until(() => on.api.server.inFlight === 0);
});

test("an expectation other than 100-continue is EXPECTATION_FAILED", async () => {
  await using on = await listen();
  await using wire = await on.open();
  wire.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Expect: a miracle", "Content-Length: 0");
  await wire.until(1);
  assert.deepEqual(wire.statuses, [417]);
  assert.match(wire.received, /"code":"EXPECTATION_FAILED"/);
  await using patient = await on.open();
  patient.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Expect: 100-continue", "Content-Length: 1");
  await patient.until(1);
  patient.socket.write("x");
  await patient.until(2);
  assert.deepEqual(patient.statuses, [100, 201]);
});

test("a value above the limit is refused before it is sent, and while it is sent", async () => {
  await using on = await listen("--limits.valueBytesMax=10");
  await using declared = await on.open();
  declared.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Content-Length: 999999999");
  await declared.until(1);
  assert.deepEqual(declared.statuses, [413]);
  assert.match(declared.received, /connection: close/i);
  await declared.untilClosed();
  await using chunked = await on.open();
  chunked.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Transfer-Encoding: chunked");
  chunked.socket.write(`8\r\n12345678\r\n8\r\n12345678\r\n`);
  await chunked.until(1);
  assert.match(chunked.received, /"code":"VALUE_TOO_LARGE"/);
  assert.equal(on.api.node.memory.proposals, 0);
});

test("a request without a token is refused before its body is read", async () => {
  await using on = await listen();
  await using wire = await on.open();
  wire.send("PUT /v1/kv/a HTTP/1.1", host, "Content-Length: 1000000");
  await wire.until(1);
  assert.deepEqual(wire.statuses, [401]);
  assert.match(wire.received, /www-authenticate: Bearer/i);
  await wire.untilClosed();
});

test("compressed transfer codings are refused", async () => {
  await using on = await listen();
  await using wire = await on.open();
  wire.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Transfer-Encoding: gzip, chunked");
  wire.socket.write("0\r\n\r\n");
  await wire.until(1);
  assert.deepEqual(wire.statuses, [415]);
});

test("a client that goes away in its upload leaves nothing behind", async () => {
  await using on = await listen();
  const wire = await on.open();
  wire.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Content-Length: 100");
  wire.socket.write("half");
  await until(() => on.api.server.inFlight === 1);
  wire.socket.destroy();
  await until(() => on.api.server.inFlight === 0);
  assert.equal(on.api.node.memory.proposals, 0);
});

test("requests beyond the limit in flight are OVERLOADED; probes are not", async () => {
  await using on = await listen("--limits.requestsInFlightMax=1");
  const { promise, resolve } = Promise.withResolvers<void>();
  on.api.node.memory.gate = promise;
  await using first = await on.open();
  first.send("GET /v1/kv/a HTTP/1.1", host, on.auth);
  await until(() => on.api.node.memory.barriers === 1);
  await using second = await on.open();
  second.send("GET /v1/kv/a HTTP/1.1", host, on.auth).send("GET /livez HTTP/1.1", host);
  await second.until(2);
  assert.deepEqual(second.statuses, [503, 200]);
  assert.match(second.received, /"code":"OVERLOADED"/);
  resolve();
  await first.until(1);
  assert.deepEqual(first.statuses, [404]);
});

test("connections beyond the limit are closed at once", async () => {
  await using on = await listen("--limits.connectionsMax=1");
  await using first = await on.open();
  first.send("GET /livez HTTP/1.1", host);
  await first.until(1);
  await using second = await on.open();
  await second.untilClosed();
  assert.equal(second.received, "");
});

test("closing lets requests in flight finish and takes no new ones", async () => {
  await using on = await listen();
  const { promise, resolve } = Promise.withResolvers<void>();
  on.api.node.memory.gate = promise;
  await using busy = await on.open();
  busy.send("PUT /v1/kv/a HTTP/1.1", host, on.auth, "Content-Length: 1");
  busy.socket.write("1");
  await until(() => on.api.server.inFlight === 1);
  await using idle = await on.open();
  idle.send("GET /livez HTTP/1.1", host);
  await idle.until(1);
  await using late = await on.open();
  late.socket.write(`GET /v1/kv/a HTTP/1.1\r\n${host}\r\n`);
  const closed = on.api.server.close();
  await idle.untilClosed();
  await assert.rejects(Wire.open(on.address), { code: "ECONNREFUSED" });
  resolve();
  await busy.until(1);
  assert.deepEqual(busy.statuses, [201]);
  assert.match(busy.received, /connection: close/i);
  late.send(on.auth);
  await late.untilClosed();
  assert.ok(late.statuses.every((status) => status === 503));
  await closed;
});

test("closing cuts what is still busy after the grace period", async () => {
  await using on = await listen("--timeouts.shutdownGraceMs=50");
  const { promise, resolve } = Promise.withResolvers<void>();
  on.api.node.memory.gate = promise;
  await using stuck = await on.open();
  stuck.send("GET /v1/kv/a HTTP/1.1", host, on.auth);
  await until(() => on.api.server.inFlight === 1);
  await on.api.server.close();
  await stuck.untilClosed();
  assert.deepEqual(stuck.statuses, []);
  resolve();
});

test("closing does not wait for a connection that has not sent a whole request", async () => {
  await using on = await listen("--timeouts.shutdownGraceMs=60000");
  await using silent = await on.open();
  await using half = await on.open();
  half.socket.write("GET /livez HTTP/1.1\r\nHos");
  await using other = await on.open();
  other.send("GET /livez HTTP/1.1", host);
  await other.until(1);
  const begin = performance.now();
  await on.api.server.close();
  assert.ok(performance.now() - begin < 10_000);
  await silent.untilClosed();
  await half.untilClosed();
});

test("closing lets a large answer reach its slow reader", async () => {
  await using on = await listen(
    "--limits.valueBytesMax=30000000",
    "--limits.bodyBytesMax=60000000",
    "--raft.uncommittedBytesMax=100000000",
    "--peers.frameBytesMax=66000000",
  );
  const payload = Buffer.alloc(30_000_000, "x");
  await on.api.send({ method: "PUT", url: "/v1/kv/big", payload });
  await using slow = await on.open();
  slow.socket.pause();
  slow.send("GET /v1/kv/big HTTP/1.1", host, on.auth);
  await until(() => on.api.finished.length === 2);
  const closed = on.api.server.close();
  slow.socket.resume();
  await slow.untilClosed();
  assert.ok(
    slow.received.length > payload.length,
    `${slow.received.length} ${slow.received.slice(0, 200)}`,
  );
  await closed;
});

test("a backup is the header, the store's chunks and the end mark", async () => {
  await using on = await listen();
  const { api } = on;
  for (let i = 0; i < 50; i += 1) {
    await api.send({ method: "PUT", url: `/v1/kv/k${i}`, payload: Buffer.alloc(20_000, i) });
  }
  const response = await fetch(`http://${on.address}/v1/maintenance/snapshot`, {
    headers: { authorization: api.bearer() },
  });
  assert.equal(response.headers.get("x-kv-revision"), "50");
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(bytes.toString("latin1", 0, 6), "KVSNAP");
  assert.equal(bytes[6], 1);
  const headerLength = bytes.readUInt32BE(7);
  const header = JSON.parse(bytes.toString("utf8", 11, 11 + headerLength));
  assert.equal(header.revision, 50);
  assert.equal(header.members.length, 1);
  let at = 11 + headerLength;
  let chunks = 0;
  for (let length = bytes.readUInt32BE(at); length > 0; length = bytes.readUInt32BE(at)) {
    at += 4 + length;
    chunks += 1;
  }
  assert.equal(at + 4, bytes.length);
  assert.ok(chunks >= 3, `${chunks} chunks`);
  assert.equal(api.node.openSnapshots, 0);
});

test("a backup that its client leaves is closed; more than the limit are OVERLOADED", async () => {
  await using on = await listen("--limits.snapshotStreamsMax=1");
  const { api } = on;
  const payload = Buffer.alloc(1_000_000, 1);
  for (let i = 0; i < 20; i += 1) {
    await api.send({ method: "PUT", url: `/v1/kv/k${i}`, payload });
  }
  const wire = await on.open();
  wire.socket.pause();
  wire.send("GET /v1/maintenance/snapshot HTTP/1.1", host, on.auth);
  await until(() => api.node.openSnapshots === 1);
  const refused = await api.send({ url: "/v1/maintenance/snapshot" });
  assert.equal(refused.json().code, "OVERLOADED");
  wire.socket.destroy();
  await until(() => api.node.openSnapshots === 0 && api.server.inFlight === 0);
  const again = await api.send({ url: "/v1/maintenance/snapshot" });
  assert.equal(again.statusCode, 200);
});
