/**
 * Clients that hold on to connections: too slow, silent, deaf, or very many. Each is cut off within
 * a limit that is configured, and meanwhile everybody else is served.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { exchangeRaw, RawConnection, statusesOf } from "./raw-connection.test-kit.ts";
import { DEADLINE, fetchOnce, quick, startTarget, type Target } from "./target.test-kit.ts";

let target: Target;
before(async () => {
  target = await startTarget({ ...quick, limits: { answerBytesMax: 8_000_000 } });
});

const head = (): string => `Host: x\r\nAuthorization: Bearer ${target.token()}\r\n`;

/** Longer than any time limit of the target, on a busy machine. */
const CUT_WITHIN_MS = 15_000;
/** More than the time in which a connection that does not move is found out. */
const POKE_EVERY_MS = 5_000;

async function isCut(
  what: string,
  connection: RawConnection,
  withinMs: number = CUT_WITHIN_MS,
): Promise<string> {
  const late = new AbortController();
  const answer = await Promise.race([
    connection.closed(),
    wait(withinMs, null, { signal: late.signal }).catch(() => null),
  ]);
  late.abort();
  return answer ?? assert.fail(`${what}: still open after ${withinMs} ms`);
}

/** Writes a byte every so often until the other side has closed. */
async function drip(connection: RawConnection, text: string): Promise<void> {
  const closed = connection.closed();
  for (const byte of text) {
    connection.write(byte);
    const isOver = await Promise.race([closed.then(() => true), wait(50).then(() => false)]);
    if (isOver) return;
  }
}

test(
  "slow headers, slow bodies and silence end with 408, not with a held connection",
  DEADLINE,
  async (t) => {
    const { headersMs } = quick.timeouts;
    const attacks: Readonly<Record<string, readonly [start: string, drip: string]>> = {
      silence: ["", ""],
      "half a request line": ["GET /v1/k", ""],
      "a header a second": [`GET /v1/kv/a HTTP/1.1\r\n${head()}`, "X: 1\r\n".repeat(100)],
      "a body that does not end": [
        `PUT /v1/kv/a HTTP/1.1\r\n${head()}Content-Length: 500\r\n\r\n`,
        "x".repeat(400),
      ],
      "chunks that do not end": [
        `PUT /v1/kv/a HTTP/1.1\r\n${head()}Transfer-Encoding: chunked\r\n\r\n`,
        "1\r\nx\r\n".repeat(100),
      ],
    };
    const running = target.doors.flatMap(({ name, url }) =>
      Object.entries(attacks).map(async ([attack, [start, rest]]) => {
        const connection = await RawConnection.open(t, url);
        connection.write(start);
        const begin = performance.now();
        await drip(connection, rest);
        const answer = await isCut(`${name}, ${attack}`, connection);
        assert.deepEqual(statusesOf(answer), [408], `${name}, ${attack}: ${answer}`);
        assert.ok(performance.now() - begin > headersMs / 2, `${name}, ${attack}: cut too early`);
      }),
    );
    await Promise.all(running);
    assert.equal((await target.send("/v1/kv/a")).status, 404, "half a write was stored");
    await target.isUnharmed();
  },
);

test("clients that read none of their answers are cut", DEADLINE, async (t) => {
  const value = "v".repeat(1_000_000);
  assert.equal((await target.send("/v1/kv/big", { method: "PUT", body: value })).status, 201);
  const get = `GET /v1/kv/big HTTP/1.1\r\n${head()}\r\n`;
  const running = target.doors.flatMap(({ name, url }) =>
    Array.from({ length: 5 }, async () => {
      const deaf = await RawConnection.open(t, url);
      deaf.socket.pause();
      deaf.write(get.repeat(50));
      // A paused socket sees that the other side is gone only when it writes. What is written
      // counts as a sign of life, so not often.
      const poke = setInterval(() => deaf.write("\r\n"), POKE_EVERY_MS);
      await isCut(name, deaf, 30_000).finally(() => clearInterval(poke));
    }),
  );
  await Promise.all(running);
  assert.equal((await target.send("/v1/kv/big", { method: "DELETE" })).status, 200);
  await target.isUnharmed();
});

test("a thousand silent connections neither slow others down nor stay", DEADLINE, async (t) => {
  const { clientAddress } = target.node;
  const silent = await Promise.all(
    Array.from({ length: 1_000 }, () => RawConnection.open(t, clientAddress)),
  );
  await target.isUnharmed();
  await Promise.all(silent.map((connection) => isCut("silent", connection)));
});

test(
  "connections above the limit are closed at once, and those below it still served",
  DEADLINE,
  async (t) => {
    const own = await startTarget({ ...quick, limits: { connectionsMax: 20 } });
    const first = await RawConnection.open(t, own.node.clientAddress);
    const crowd = await Promise.all(
      Array.from({ length: 40 }, () => RawConnection.open(t, own.node.clientAddress)),
    );
    first.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.deepEqual(statusesOf(await first.gets(/"ok":true/)), [200]);
    await Promise.all(crowd.map((connection) => isCut("crowd", connection)));
    await own.isUnharmed();
  },
);

test("held connections on the metrics port do not keep the probes out", DEADLINE, async (t) => {
  const { metricsAddress } = target.node;
  const held = await Promise.all(
    Array.from({ length: 200 }, () => RawConnection.open(t, metricsAddress)),
  );
  for (const path of ["/livez", "/readyz", "/metrics"]) {
    const answer = await fetchOnce(`${metricsAddress}${path}`, {
      headers: { connection: "close" },
    });
    assert.equal(answer.status, 200, path);
    await answer.arrayBuffer();
  }
  const slow = await RawConnection.open(t, metricsAddress);
  slow.write("GET /livez HTTP/1.1\r\n");
  await Promise.all([...held, slow].map((connection) => isCut("metrics port", connection)));
});

test("an upload that nobody may make is refused before it is sent", DEADLINE, async (t) => {
  const length = "Content-Length: 4000000000000\r\n";
  for (const { name, url } of target.doors) {
    const refusal = await RawConnection.open(t, url);
    refusal.write(`PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\n${length}\r\nxxxx`);
    assert.deepEqual(statusesOf(await isCut(name, refusal)), [401], name);
    const expecting = await RawConnection.open(t, target.node.clientAddress);
    expecting.write(`PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n${length}\r\n`);
    assert.deepEqual(statusesOf(await isCut(name, expecting)).slice(-1), [401], name);
  }
  const large = `PUT /v1/kv/a HTTP/1.1\r\n${head()}${length}\r\nxxxx`;
  assert.deepEqual(statusesOf(await exchangeRaw(t, target.node.clientAddress, large)), [413]);
});
