import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequestRecorder, requestCodesMax, requestRoutesMax } from "./request-recorder.ts";

const request = { method: "GET", route: "/v1/kv", status: 200, code: "OK", seconds: 0.001 };

test("requests are counted by method, route and code", () => {
  const recorder = createRequestRecorder();
  recorder.finished(request);
  recorder.finished(request);
  recorder.finished({ ...request, code: "FORBIDDEN", status: 403 });
  recorder.finished({ ...request, method: "DELETE" });
  assert.deepEqual(recorder.readCounts(), [
    { labels: { method: "GET", route: "/v1/kv", code: "OK" }, value: 2 },
    { labels: { method: "GET", route: "/v1/kv", code: "FORBIDDEN" }, value: 1 },
    { labels: { method: "DELETE", route: "/v1/kv", code: "OK" }, value: 1 },
  ]);
  assert.match(recorder.renderDurations(), /_count\{method="GET",route="\/v1\/kv"\} 3/);
});

test("methods that a client invents share one label", () => {
  const recorder = createRequestRecorder();
  for (let i = 0; i < 1000; i += 1) recorder.finished({ ...request, method: `M${i}` });
  assert.deepEqual(recorder.readCounts(), [
    { labels: { method: "other", route: "/v1/kv", code: "OK" }, value: 1000 },
  ]);
});

test("routes and codes beyond their limits are counted together, and none is lost", () => {
  const recorder = createRequestRecorder();
  for (let i = 0; i < requestRoutesMax * 3; i += 1) {
    recorder.finished({ ...request, route: `/r${i}` });
    recorder.finished({ ...request, code: `C${i}` });
  }
  const counts = recorder.readCounts();
  const total = counts.reduce((sum, { value }) => sum + value, 0);
  assert.equal(total, requestRoutesMax * 6);
  const routes = new Set(counts.map(({ labels }) => labels["route"]));
  const codes = new Set(counts.map(({ labels }) => labels["code"]));
  assert.ok(routes.size <= requestRoutesMax + 1 && routes.has("unknown"), `${routes.size} routes`);
  assert.ok(codes.size <= requestCodesMax + 2 && codes.has("other"), `${codes.size} codes`);
});
