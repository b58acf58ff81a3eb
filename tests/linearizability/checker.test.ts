/** The checker against histories that are wrong in each way, right ones, and brute force. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../simulation/random.test-kit.ts";
import { isLinearizable } from "./brute-force.test-kit.ts";
import { check } from "./checker.test-kit.ts";
import { drawLongHistory } from "./long-history.test-kit.ts";
import { distort, drawHistory } from "./random-history.test-kit.ts";

const SEEDS = 4_000;

test("right histories, with refused and unknown writes among them, pass", () => {
  let resolved = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const history = drawHistory(new Random(seed), { operations: 40, clients: 5, keys: 3 });
    const verdict = check(history);
    assert.deepEqual(verdict.violations, [], `seed ${seed}`);
    resolved += verdict.resolved.size;
  }
  assert.ok(resolved > SEEDS, "too few unknown writes took effect for this to say anything");
});

test("the checker agrees with brute force on tiny histories, right and wrong", () => {
  const counts = { right: 0, wrong: 0 };
  for (let seed = 1; seed <= SEEDS * 3; seed += 1) {
    const random = new Random(seed);
    let history = drawHistory(random, { operations: 7, clients: 3, keys: 2 });
    for (let i = random.integer(0, 2); i > 0; i -= 1) history = distort(random, history);
    const isRight = isLinearizable(history);
    const { violations } = check(history);
    const shown = JSON.stringify({ history, violations }, null, 1);
    assert.equal(violations.length === 0, isRight, `seed ${seed}: ${shown}`);
    counts[isRight ? "right" : "wrong"] += 1;
  }
  assert.ok(counts.right > SEEDS && counts.wrong > SEEDS / 2, JSON.stringify(counts));
});

test("half a million operations are checked in seconds of processor time", (t) => {
  const history = drawLongHistory(500_000);
  const before = process.cpuUsage();
  const { violations, resolved } = check(history);
  const seconds = process.cpuUsage(before).user / 1e6;
  assert.deepEqual(violations.slice(0, 3), []);
  t.diagnostic(`${history.operations.length} operations in ${seconds.toFixed(1)} s`);
  t.diagnostic(`${resolved.size} writes of unknown outcome took effect`);
  assert.ok(resolved.size > 500);
  assert.ok(seconds < 30, `${seconds} s`);
});
