/**
 * Where one request ends and the next begins: bytes on which two readers could disagree, sent to a
 * node and to the balancer before it. Each must be refused, or be one request for both; the request
 * hidden in it never runs.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { exchangeRaw, RawConnection, statusesOf } from "./raw-connection.test-kit.ts";
import { DEADLINE, startTarget, type Target } from "./target.test-kit.ts";

/** An attack, from the headers that every request has and the request to be smuggled. */
type Attack = (head: string, hidden: string) => string;

const put = "PUT /v1/kv/a HTTP/1.1\r\n";
const close = "Connection: close\r\n";
const chunked = "Transfer-Encoding: chunked\r\n";

/** Framing that has two readings: refused by both doors, and the connection is closed. */
const refused: Readonly<Record<string, Attack>> = {
  "length and chunks": (head, hidden) =>
    `${put}${head}Content-Length: 5\r\n${chunked}\r\n0\r\n\r\n${hidden}`,
  "chunks and length": (head, hidden) =>
    `${put}${head}${chunked}Content-Length: 4\r\n\r\n1\r\na\r\n0\r\n\r\n${hidden}`,
  "space before a colon": (head, hidden) =>
    `${put}${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
  "a coding that looks like chunked": (head, hidden) =>
    `${put}${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
  "a coding inside of chunks": (head) =>
    `${put}${head}${close}Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
  "identity before chunks": (head) =>
    `${put}${head}${close}Transfer-Encoding: identity, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
  "chunked is not the last": (head, hidden) =>
    `${put}${head}${chunked}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
  "chunked twice": (head, hidden) =>
    `${put}${head}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${hidden}`,
  "two lengths": (head, hidden) =>
    `${put}${head}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "a list of lengths": (head) => `${put}${head}Content-Length: 1, 1\r\n\r\na`,
  "a signed length": (head) => `${put}${head}Content-Length: +1\r\n\r\na`,
  "a negative length": (head) => `${put}${head}Content-Length: -1\r\n\r\na`,
  "a hexadecimal length": (head) => `${put}${head}Content-Length: 0x1\r\n\r\na`,
  "a length of 2^64": (head) => `${put}${head}Content-Length: 18446744073709551616\r\n\r\na`,
  "a length beyond 2^53": (head) => `${put}${head}Content-Length: 9007199254740993\r\n\r\na`,
  "a chunk of 2^64 bytes": (head) => `${put}${head}${chunked}\r\n10000000000000000\r\na`,
  "a negative chunk": (head) => `${put}${head}${chunked}\r\n-1\r\na`,
  "chunks with bare line feeds": (head, hidden) => `${put}${head}${chunked}\r\n0\n\n${hidden}`,
  "endless chunk extensions": (head) =>
    `${put}${head}${chunked}\r\n1;${"x".repeat(20_000)}\r\na\r\n0\r\n\r\n`,
  "a folded header": (head, hidden) => `${put}${head}X-A: b\r\n Content-Length: 9\r\n\r\n${hidden}`,
  "bare line feeds": (head) => `${put}${head}\r\n`.replaceAll("\r\n", "\n"),
  "a carriage return in a header": (head) => `${put}${head}X-A: b\rX-B: c\r\n\r\n`,
  "NUL in a header": (head) => `${put}${head}X-A: b\0c\r\n\r\n`,
  "a space in a header's name": (head) => `${put}${head}X A: b\r\n\r\n`,
  "a header without a name": (head) => `${put}${head}: b\r\n\r\n`,
  "a space in the target": (head) => `GET /v1/kv/a b HTTP/1.1\r\n${head}\r\n`,
  "bytes beyond ASCII in the target": (head) => `GET /v1/kv/\xff\xfe HTTP/1.1\r\n${head}\r\n`,
  "another major version": (head) => `GET /v1/kv/a HTTP/9.9\r\n${head}\r\n`,
  "the preface of HTTP/2": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "no host": (head) => `GET /v1/kv/a HTTP/1.1\r\n${head.replace(/Host.*\r\n/, "")}\r\n`,
  "headers above the limit": (head) => `${put}${head}X: ${"a".repeat(60_000)}\r\n\r\n`,
  "more headers than are counted": (head) => `${put}${head}${"a:\r\n".repeat(3_000)}\r\n`,
};

/** One request for every reader: the body holds what looks like a second one. */
const contained: Readonly<Record<string, Attack>> = {
  "a body of a GET": (head, hidden) =>
    `GET /v1/kv/a HTTP/1.1\r\n${head}${close}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "a body of a HEAD": (head, hidden) =>
    `HEAD /v1/kv/a HTTP/1.1\r\n${head}${close}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "a length that Connection calls its own": (head, hidden) =>
    `${put}${head}Connection: close, content-length\r\n` +
    `Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "trailers that want to be headers": (head) =>
    `${put}${head}${close}${chunked}\r\n1\r\na\r\n0\r\n` +
    'Authorization: Bearer x\r\nIf-Match: "999"\r\n\r\n',
};

let target: Target;
before(async () => {
  target = await startTarget();
});

test("framing with two readings is refused, and what it hides never runs", DEADLINE, async (t) => {
  const head = `Host: x\r\nAuthorization: Bearer ${target.token()}\r\n`;
  const hidden = `PUT /v1/kv/smuggled HTTP/1.1\r\n${head}Content-Length: 1\r\n\r\nx`;
  assert.equal((await target.send("/v1/kv/a", { method: "PUT", body: "before" })).status, 201);
  for (const { name, url } of target.doors) {
    for (const [attack, make] of Object.entries(refused)) {
      const answer = await exchangeRaw(t, url, make(head, hidden));
      const statuses = statusesOf(answer);
      assert.equal(statuses.length, 1, `${name}, ${attack}: ${answer}`);
      assert.ok([400, 413, 415, 431].includes(statuses[0] ?? 0), `${name}, ${attack}: ${answer}`);
    }
    assert.equal(await (await target.send("/v1/kv/a")).text(), "before", `${name} wrote`);
  }
  for (const { name, url } of target.doors) {
    for (const [attack, make] of Object.entries(contained)) {
      const statuses = statusesOf(await exchangeRaw(t, url, make(head, hidden)));
      assert.deepEqual(statuses, [200], `${name}, ${attack}`);
    }
  }
  assert.equal((await target.send("/v1/kv/smuggled")).status, 404, "the hidden request ran");
  await target.isUnharmed();
});

test("an upgrade, a tunnel and HTTP/0.9 are none", DEADLINE, async (t) => {
  const head = `Host: x\r\nAuthorization: Bearer ${target.token()}\r\n`;
  const hidden = `PUT /v1/kv/smuggled HTTP/1.1\r\n${head}Content-Length: 1\r\n\r\nx`;
  for (const { url } of target.doors) {
    const tunnel = await exchangeRaw(t, url, `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${head}\r\n`);
    assert.equal(tunnel, "", "closed without a word");
    const old = await exchangeRaw(t, url, "GET /v1/kv/a\r\n\r\n");
    assert.deepEqual(statusesOf(old), [401]);
    for (const protocol of ["websocket", "h2c"]) {
      const upgrade = await RawConnection.open(t, url);
      const wish = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
      upgrade.write(`GET /v1/kv/none HTTP/1.1\r\n${head}${wish}\r\n${hidden}`);
      assert.deepEqual(statusesOf(await upgrade.gets(/KEY_NOT_FOUND/)), [404], "as if not wished");
    }
  }
  assert.equal((await target.send("/v1/kv/smuggled")).status, 404);
});

test("garbage after a write closes the connection without another answer", DEADLINE, async (t) => {
  const head = `Host: x\r\nAuthorization: Bearer ${target.token()}\r\n`;
  for (const { name, url } of target.doors) {
    const write = `PUT /v1/kv/${name} HTTP/1.1\r\n${head}Content-Length: 1\r\n\r\nx`;
    const answer = await exchangeRaw(t, url, `${write}GARBAGE\r\n\r\n`);
    // A 400 here would be read as the refusal of a write that takes effect.
    assert.deepEqual(
      statusesOf(answer).filter((status) => status >= 400),
      [],
      `${name}: ${answer}`,
    );
  }
  await target.isUnharmed();
});

test("of two tokens in one request the first counts, as in every proxy", DEADLINE, async (t) => {
  const good = `Authorization: Bearer ${target.token()}\r\n`;
  const bad = "Authorization: Bearer a.b.c\r\n";
  for (const { url } of target.doors) {
    const first = `GET /v1/kv/none HTTP/1.1\r\nHost: x\r\n${close}${bad}${good}\r\n`;
    assert.deepEqual(statusesOf(await exchangeRaw(t, url, first)), [401]);
    const second = `GET /v1/kv/none HTTP/1.1\r\nHost: x\r\n${close}${good}${bad}\r\n`;
    assert.deepEqual(statusesOf(await exchangeRaw(t, url, second)), [404]);
    const named = "Connection: close, authorization\r\n";
    const dropped = `GET /v1/kv/none HTTP/1.1\r\nHost: x\r\n${good}${named}\r\n`;
    const status = statusesOf(await exchangeRaw(t, url, dropped));
    assert.ok(status[0] === 401 || status[0] === 404, "at worst, the caller's own token is lost");
  }
});
