import assert from "node:assert/strict";
import { test } from "node:test";
import { type RunFigures, runRandomly } from "./random-run.test-kit.ts";

const SEEDS = 80;
const ACTIONS = 1_500;

test("random runs keep every safety property, and recover", () => {
  const total = { commands: 0, leaders: 0, snapshots: 0, changes: 0, reads: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const figures = run(seed);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += figures[name];
  }
  // A run in which little happens proves little.
  assert.ok(total.commands > 5 * SEEDS, `${total.commands} commands`);
  assert.ok(total.leaders > SEEDS, `${total.leaders} leaders`);
  assert.ok(total.snapshots > SEEDS / 4, `${total.snapshots} snapshots`);
  assert.ok(total.reads > SEEDS, `${total.reads} reads`);
});

test("the same seed gives the same run", () => {
  const trace = (seed: number): string[] => {
    const lines: string[] = [];
    runRandomly(seed, 300, (line) => lines.push(line));
    return lines;
  };
  assert.deepEqual(trace(3), trace(3));
  assert.notDeepEqual(trace(3), trace(4));
});

function run(seed: number): RunFigures {
  try {
    return runRandomly(seed, ACTIONS);
  } catch (cause) {
    throw new Error(`runRandomly(${seed}, ${ACTIONS}) fails`, { cause });
  }
}
