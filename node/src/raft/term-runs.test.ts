import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantViolation } from "./index.ts";
import { TermRuns } from "./term-runs.ts";
import { at, inTerm } from "./test-entries.test-kit.ts";

/** Terms 1 1 1 4 4 5 5 6 6 6 at indexes 1 to 10. */
function figure7(): TermRuns {
  const runs = new TermRuns([]);
  for (const [n, term] of [1, 1, 1, 4, 4, 5, 5, 6, 6, 6].entries())
    runs.append(at(n + 1), inTerm(term));
  return runs;
}

test("every index has the term of its run", () => {
  const runs = figure7();
  const terms = Array.from({ length: 10 }, (_, n) => runs.termAt(at(n + 1)));
  assert.deepEqual(terms, [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]);
  assert.equal(runs.termAt(at(0)), null);
  assert.equal(runs.all.length, 4);
});

test("truncation inside a run keeps its beginning", () => {
  const runs = figure7();
  runs.truncateFrom(at(5));
  assert.deepEqual(runs.all, [
    { index: 1, term: 1 },
    { index: 4, term: 4 },
  ]);
});

test("dropping a prefix inside a run keeps its end", () => {
  const runs = figure7();
  runs.dropBefore(at(5));
  assert.equal(runs.termAt(at(4)), null);
  assert.equal(runs.termAt(at(5)), 4);
  assert.equal(runs.termAt(at(10)), 6);
});

test("the last index with at most a term skips whole later terms", () => {
  const runs = figure7();
  assert.deepEqual(runs.lastAtMost(at(10), inTerm(5)), { index: 7, term: 5 });
  assert.deepEqual(runs.lastAtMost(at(9), inTerm(3)), { index: 3, term: 1 });
  assert.deepEqual(runs.lastAtMost(at(5), inTerm(9)), { index: 5, term: 4 });
  assert.equal(runs.lastAtMost(at(5), inTerm(0)), null);
});

test("a term that falls along the log is impossible", () => {
  assert.throws(() => figure7().append(at(11), inTerm(5)), InvariantViolation);
});
