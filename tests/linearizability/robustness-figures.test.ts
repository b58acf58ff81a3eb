/** A run that did too little says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "./operation.test-kit.ts";
import { Figures, OPERATIONS_PER_SECOND_MIN } from "./robustness-figures.test-kit.ts";
import { during, found, get, put, unknown, written } from "./written-history.test-kit.ts";

const SECOND_MS = 1_000;

const reads = (count: number): readonly Operation[] =>
  Array.from({ length: count }, () => during([1, 2], get("a"), found(null, null)));

test("too few operations a second are a shortcoming", () => {
  for (const [count, wanted] of [
    [OPERATIONS_PER_SECOND_MIN * 2, 0],
    [OPERATIONS_PER_SECOND_MIN * 2 - 1, 1],
    [0, 1],
  ] as const) {
    const figures = new Figures([]);
    figures.addLoad(reads(count), 0, 2 * SECOND_MS);
    assert.equal(figures.shortcomings().length, wanted, `${count} in two seconds`);
  }
});

test("a fault that was never played is a shortcoming that is named", () => {
  const figures = new Figures(["kill", "pause"]);
  figures.addLoad(reads(OPERATIONS_PER_SECOND_MIN), 0, SECOND_MS);
  figures.addFault("kill");
  assert.deepEqual(figures.shortcomings(), ['no fault of kind "pause"']);
  figures.addFault("pause");
  assert.deepEqual(figures.shortcomings(), []);
});

test("operations are counted by kind and outcome, the longest write pause is told", () => {
  const figures = new Figures([]);
  figures.addLoad(
    [
      during([0, 100], put("a", "1"), written(1)),
      during([100, 700], put("a", "2"), written(2)),
      during([700, 800], put("a", "3"), unknown),
      during([0, 900], put("a", "4", { type: "absent" }), written(3)),
    ],
    0,
    SECOND_MS,
  );
  assert.deepEqual(figures.operations["put"], { ok: 2, failed: 0, unknown: 1 });
  assert.deepEqual(figures.operations["compare-and-set"], { ok: 1, failed: 0, unknown: 0 });
  assert.equal(figures.longestWritePauseMs, 600);
});
