import assert from "node:assert/strict";
import { test } from "node:test";
import { Applier } from "./applier.ts";
import type { Applied } from "./ports.ts";
import { at, summaryAt } from "./replica.test-kit.ts";

const createApplier = () => {
  const asked: number[] = [];
  const pending: ((applied: Applied) => void)[] = [];
  const applied: number[] = [];
  const applier = new Applier(
    {
      apply: (index, done) => {
        asked.push(index);
        pending.push(done);
      },
    },
    summaryAt(10),
    ({ summary }) => applied.push(summary.appliedIndex),
  );
  const complete = (index: number): void =>
    pending.shift()?.({ summary: summaryAt(index), settled: [], divergence: null });
  return { applier, asked, applied, complete };
};

test("only what is new is asked for, a bounded number of times at once", () => {
  const { applier, asked, complete } = createApplier();
  for (const index of [10, 11, 11, 12, 13, 14, 15, 16]) applier.request(at(index));
  assert.deepEqual(asked, [11, 12, 13, 14]);
  complete(11);
  assert.deepEqual(asked, [11, 12, 13, 14, 16]);
});

test("the figures follow the completed applies", () => {
  const { applier, applied, complete } = createApplier();
  applier.request(at(12));
  assert.equal(applier.summary.appliedIndex, 10);
  complete(12);
  assert.equal(applier.summary.appliedIndex, 12);
  assert.equal(applier.entriesApplied, 2);
  assert.deepEqual(applied, [12]);
});

test("after a snapshot the applies go on behind it", () => {
  const { applier, asked } = createApplier();
  applier.restart(summaryAt(50));
  applier.request(at(40));
  applier.request(at(51));
  assert.deepEqual(asked, [51]);
});
