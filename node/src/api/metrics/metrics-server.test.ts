import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { leaderStatus, makeSources, parseExposition } from "./metrics.test-kit.ts";
import { createMetrics } from "./metrics.ts";
import { type MetricsServer, startMetricsServer } from "./metrics-server.ts";

const health = {
  check: (path: string, verbose: boolean) => ({
    status: path === "/readyz" ? 503 : 200,
    body: JSON.stringify({ path, verbose }),
  }),
};

interface Running extends AsyncDisposable {
  readonly server: MetricsServer;
  readonly errors: Error[];
  readonly url: string;
}

async function start(render?: () => Promise<string>): Promise<Running> {
  const metrics = createMetrics(makeSources(() => leaderStatus));
  const errors: Error[] = [];
  const server = await startMetricsServer({
    host: "127.0.0.1",
    port: 0,
    page: { contentType: metrics.contentType, render: render ?? metrics.render },
    health,
    onError: (error) => errors.push(error),
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { server, errors, url, [Symbol.asyncDispose]: () => server.close() };
}

test("the page is served with its content type, and without a body to HEAD", async () => {
  await using running = await start();
  const response = await fetch(`${running.url}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.ok(parseExposition(await response.text()).has("kvcluster_keys"));
  const head = await fetch(`${running.url}/metrics`, { method: "HEAD" });
  assert.equal(await head.text(), "");
  assert.ok(Number(head.headers.get("content-length")) > 1000);
});

test("health checks answer with the status of the health port", async () => {
  await using running = await start();
  const live = await fetch(`${running.url}/livez?verbose`);
  assert.deepEqual([live.status, await live.json()], [200, { path: "/livez", verbose: true }]);
  const ready = await fetch(`${running.url}/readyz`);
  assert.deepEqual([ready.status, await ready.json()], [503, { path: "/readyz", verbose: false }]);
});

test("other paths and methods are refused, and a body closes the connection", async () => {
  await using running = await start();
  assert.equal((await fetch(`${running.url}/v1/kv/a`)).status, 404);
  assert.equal((await fetch(`${running.url}/metrics/`)).status, 404);
  const post = await fetch(`${running.url}/metrics`, { method: "POST", body: "x" });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get("allow"), "GET, HEAD");
  assert.equal(post.headers.get("connection"), "close");
});

test("a page that cannot be made is a 500, and its cause is for the log alone", async () => {
  await using running = await start(() => Promise.reject(new Error("disk on fire")));
  const response = await fetch(`${running.url}/metrics`);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /fire/);
  assert.match(String(running.errors[0]?.cause), /disk on fire/);
});

test("a port in use is an error at the start", async () => {
  await using running = await start();
  const again = startMetricsServer({
    host: "127.0.0.1",
    port: running.server.port,
    page: { contentType: "text/plain", render: () => Promise.resolve("") },
    health,
    onError: () => {},
  });
  await assert.rejects(again, /EADDRINUSE/);
});

test("closing does not wait for idle connections", async () => {
  const running = await start();
  const socket = connect(running.server.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("error", () => {});
  await running.server.close();
  await closed;
});
