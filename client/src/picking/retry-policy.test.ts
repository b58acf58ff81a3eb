import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, judge, RetryBudget } from "./retry-policy.ts";

const settings = { backoffBaseMs: 50, backoffMaxMs: 1_000, retryAfterMaxMs: 5_000 };

test("a write is repeated only when it certainly had no effect", () => {
  assert.equal(judge("write", { type: "notSent" }), "retry");
  assert.equal(judge("write", { type: "refused", retryAfterMs: null }), "retry");
  assert.equal(judge("write", { type: "final" }), "fail");
  assert.equal(judge("write", { type: "broken" }), "outcomeUnknown");
});

test("a read is repeated after anything but a final refusal", () => {
  assert.equal(judge("read", { type: "notSent" }), "retry");
  assert.equal(judge("read", { type: "refused", retryAfterMs: 5 }), "retry");
  assert.equal(judge("read", { type: "broken" }), "retry");
  assert.equal(judge("read", { type: "final" }), "fail");
});

test("the back-off doubles up to its maximum, half of it random", () => {
  const at = (number: number, random: number): number =>
    backoffMs({ number, retryAfterMs: null }, settings, () => random);
  assert.deepEqual([at(0, 0), at(0, 1), at(1, 0), at(1, 1)], [25, 50, 50, 100]);
  assert.deepEqual([at(20, 0), at(5_000, 1)], [500, 1_000]);
});

test("Retry-After is a lower bound that is believed up to its maximum", () => {
  const at = (retryAfterMs: number): number =>
    backoffMs({ number: 0, retryAfterMs }, settings, () => 0);
  assert.deepEqual([at(1), at(2_000), at(60_000)], [25, 2_000, 5_000]);
});

test("the budget allows a burst, then only a share of the traffic", () => {
  const budget = new RetryBudget({ retryBudgetMax: 3, retryBudgetRatio: 0.5 });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => budget.withdraw()),
    [true, true, true, false],
  );
  budget.deposit();
  assert.equal(budget.withdraw(), false);
  budget.deposit();
  assert.equal(budget.withdraw(), true);
  for (let i = 0; i < 100; i += 1) budget.deposit();
  assert.equal(budget.balance, 3);
});
