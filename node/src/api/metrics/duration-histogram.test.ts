import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, Registry } from "prom-client";
import { createDurationHistogram, renderHistograms, requestBuckets } from "./duration-histogram.ts";

const doc = { name: "x_seconds", meaning: "Some durations." };

test("what is printed equals what prom-client prints for the same observations", async () => {
  const registry = new Registry();
  const theirs = new Histogram({
    name: doc.name,
    help: doc.meaning,
    labelNames: ["method", "route"],
    buckets: [...requestBuckets],
    registers: [registry],
  });
  const labels = { method: "GET", route: '/v1/"kv"\\{key}' };
  const ours = createDurationHistogram({ name: doc.name, labels, buckets: requestBuckets });
  const edges = requestBuckets.flatMap((bound) => [bound, bound * 0.999, bound * 1.001]);
  for (const seconds of [0, ...edges, 100]) {
    theirs.observe(labels, seconds);
    ours.observe(seconds);
  }
  assert.equal(`${renderHistograms(doc, [ours])}\n`, await registry.metrics());
});

test("what is no duration does not spoil the sum", () => {
  const histogram = createDurationHistogram({ name: "x", labels: {}, buckets: [1] });
  for (const odd of [-1, Number.NaN, Number.POSITIVE_INFINITY]) histogram.observe(odd);
  assert.deepEqual(histogram.render(), [
    'x_bucket{le="1"} 3',
    'x_bucket{le="+Inf"} 3',
    "x_sum 0",
    "x_count 3",
  ]);
});
