import assert from "node:assert/strict";
import { test } from "node:test";
import { metricTable } from "./metric-table.ts";
import { OperatorMetrics } from "./metrics.ts";

const make = (): OperatorMetrics =>
  new OperatorMetrics("1.2.3", {
    queue: () => ({ depth: 3, inProgress: 2, longestMs: 1_500 }),
    watches: () => [{ kind: "Pod", objects: 7, contactAgeMs: 2_000 }],
  });

test("every metric of the table is on the page, with its type", async () => {
  const page = await make().render();
  for (const { name, type } of Object.values(metricTable)) {
    assert.ok(page.includes(`# TYPE ${name} ${type}\n`), name);
  }
});

test("queue and watches are asked when somebody scrapes", async () => {
  const page = await make().render();
  for (const line of [
    'kvcluster_operator_build_info{version="1.2.3"} 1',
    "kvcluster_operator_queue_depth 3",
    "kvcluster_operator_queue_longest_running_seconds 1.5",
    'kvcluster_operator_watch_contact_age_seconds{kind="Pod"} 2',
    'kvcluster_operator_watch_objects{kind="Pod"} 7',
  ]) {
    assert.ok(page.includes(`${line}\n`), line);
  }
});

test("a failed pass does not move the time of the last success", async () => {
  const metrics = make();
  const key = { namespace: "shop", name: "store" };
  metrics.noteCluster(key, {}, 5_000);
  metrics.noteCluster(key, {}, null);
  assert.match(await metrics.render(), /last_success_timestamp_seconds\{.*\} 5\n/);
});
