import assert from "node:assert/strict";
import { test } from "node:test";
import { childOf, inputsWith } from "./desired.test-kit.ts";
import { evictionsMax } from "./pod-disruption-budget.ts";

test("as many nodes may be evicted as leave a majority of the voters", () => {
  const settled = [3, 4, 5, 6, 7, 9].map((voters) => evictionsMax(voters, voters));
  assert.deepEqual(settled, [1, 1, 2, 2, 3, 4]);
  for (const voters of [3, 4, 5, 6, 7, 8, 9]) {
    const left = voters - Number(evictionsMax(voters, voters));
    assert.ok(left > voters / 2, `${voters} voters`);
  }
});

test("a cluster of one or two, meant to be so, does not hold up a drain for ever", () => {
  assert.equal(evictionsMax(1, 1), 1);
  assert.equal(evictionsMax(2, 2), 1);
});

test("on the way to another size the last majority is not evicted", () => {
  assert.equal(evictionsMax(1, 3), 0);
  assert.equal(evictionsMax(2, 3), 0);
  assert.equal(evictionsMax(2, 1), 0);
  assert.equal(evictionsMax(3, 5), 1);
  assert.equal(evictionsMax(4, 3), 1);
});

test("before there is a store anything may be evicted", () => {
  assert.equal(evictionsMax(0, 3), "100%");
});

test("nodes that are not ready are protected too while too many are", () => {
  const { spec } = childOf(inputsWith({ replicas: 5 }, { voters: 5 }), "PodDisruptionBudget/store");
  assert.deepEqual(spec, {
    selector: {
      matchLabels: {
        "app.kubernetes.io/name": "kvcluster",
        "app.kubernetes.io/instance": "store",
      },
    },
    maxUnavailable: 2,
    unhealthyPodEvictionPolicy: "IfHealthyBudget",
  });
});
