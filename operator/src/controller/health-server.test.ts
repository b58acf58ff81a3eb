import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type HealthCheckResult, HealthServer } from "./health-server.ts";

const checks: Record<"live" | "ready" | "started", HealthCheckResult[]> = {
  live: [{ name: "workers", fault: null }],
  ready: [
    { name: "synced", fault: null },
    { name: "contact", fault: "300 s without a word" },
  ],
  started: [],
};

async function start(): Promise<string> {
  const server = new HealthServer({
    live: () => checks.live,
    ready: () => checks.ready,
    started: () => checks.started,
    metrics: async () => "up 1\n",
    metricsType: "text/plain; version=0.0.4",
  });
  const port = await server.listen(0);
  after(() => server.close());
  return `http://127.0.0.1:${port}`;
}

test("probes answer 200 or 503 with what is wrong", async () => {
  const url = await start();
  const live = await fetch(`${url}/livez`);
  assert.deepEqual([live.status, await live.text()], [200, "ok workers\n"]);
  const ready = await fetch(`${url}/readyz?verbose`);
  assert.equal(ready.status, 503);
  assert.equal(await ready.text(), "ok synced\nfailed contact: 300 s without a word\n");
  assert.equal((await fetch(`${url}/startupz`)).status, 200);
});

test("metrics are served, other paths and methods are refused", async () => {
  const url = await start();
  const metrics = await fetch(`${url}/metrics`);
  assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4");
  assert.equal(await metrics.text(), "up 1\n");
  assert.equal((await fetch(`${url}/`)).status, 404);
  assert.equal((await fetch(`${url}/metrics`, { method: "POST" })).status, 405);
});

test("a port that is taken is an error", async () => {
  const { port } = new URL(await start());
  const other = new HealthServer({
    live: () => [],
    ready: () => [],
    started: () => [],
    metrics: async () => "",
    metricsType: "text/plain",
  });
  await assert.rejects(other.listen(Number(port)), { code: "EADDRINUSE" });
});
