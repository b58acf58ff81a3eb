/**
 * The fixed budget of `make test`: the same seeds each time, then every seed that ever failed.
 * `make simulate SECONDS=…` plays new ones.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Coverage } from "./coverage.test-kit.ts";
import { describeFailure } from "./report.test-kit.ts";
import { type Outcome, Simulation } from "./simulation.test-kit.ts";
import { loadSystem, shippedSource } from "./system.test-kit.ts";

const FIRST_SEED = 1;
const SEEDS = 60;
const SEEDS_PER_TEST = 10;
/** Questions answered in one run; one that did less proved nothing. */
const ANSWERS_MIN = 50;

/** What all runs together must have reached; far below what they do reach. */
const REACHED_MIN: Readonly<Record<string, number>> = {
  "admin addLearner done": 100,
  "admin demote done": 2,
  "admin remove done": 40,
  "admin transfer done": 30,
  "admin updateAddresses done": 2,
  "answered batch": 1_000,
  "answered compact": 300,
  "answered delete": 1_000,
  "answered deleteRange": 500,
  "answered put": 5_000,
  "answered read": 5_000,
  "answered read at a revision": 500,
  "answered scan": 1_000,
  "committed verifyHash": 20,
  crashes: 200,
  "elections won": 200,
  "ends by a bad disk": 50,
  "fault clockJump": 20,
  "fault flipBit": 3,
  "fault fullDisk": 20,
  "fault loseVolume": 3,
  "fault misdirect": 3,
  "fault oneWay": 20,
  "fault pause": 20,
  "fault split": 20,
  "fault stall": 20,
  "log reads for followers": 100,
  "log trims": 1_000,
  "log truncations": 5,
  "membership changes rolled back": 1,
  "messages doubled": 5_000,
  "messages lost": 5_000,
  "pre-votes refused": 100,
  "refusals to start": 3,
  "runs that converged": SEEDS,
  "snapshot chunks damaged": 1,
  "snapshot streams broken": 20,
  "snapshots installed": 50,
  "votes refused": 20,
};

const system = await loadSystem(shippedSource);
const reached = new Coverage();
let steps = 0;
let simulatedUs = 0;

const play = async (seed: number): Promise<Outcome> => {
  const outcome = await new Simulation(system, seed).run();
  assert.ok(outcome.violation === null, describeFailure(outcome));
  return outcome;
};

for (let first = FIRST_SEED; first < FIRST_SEED + SEEDS; first += SEEDS_PER_TEST) {
  const last = first + SEEDS_PER_TEST - 1;
  test(`seeds ${first} to ${last} keep every promise and make progress`, async () => {
    for (let seed = first; seed <= last; seed += 1) {
      const outcome = await play(seed);
      const answers = outcome.coverage.sum("answered ");
      assert.ok(answers >= ANSWERS_MIN, `seed ${seed} did too little: ${answers} answers`);
      reached.add(outcome.coverage);
      steps += outcome.steps;
      simulatedUs += outcome.simulatedUs;
    }
  });
}

test("the runs reached what they are for", () => {
  const missed = Object.entries(REACHED_MIN)
    .filter(([what, least]) => reached.get(what) < least)
    .map(([what, least]) => `${what}: ${reached.get(what)}, at least ${least}`);
  assert.deepEqual(missed, [], `the runs did too little:\n${reached.lines().join("\n")}`);
});

test("the same seed gives the same trace", async () => {
  for (const seed of [FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2]) {
    const [one, other] = [await play(seed), await play(seed)];
    assert.equal(one.steps, other.steps, `seed ${seed}`);
    assert.equal(one.traceHash, other.traceHash, `seed ${seed}`);
  }
});

const regressions = JSON.parse(
  readFileSync(join(import.meta.dirname, "seeds/regressions.json"), "utf8"),
) as { readonly seeds: readonly { readonly seed: number; readonly found: string }[] };

for (const { seed, found } of regressions.seeds) {
  test(`seed ${seed} stays fixed: ${found}`, async () => {
    await play(seed);
  });
}

after(() => {
  const faults = reached.sum("fault ");
  console.log(
    `${SEEDS} seeds: ${(simulatedUs / 1e6).toFixed(0)} s simulated, ${steps} steps, ` +
      `${faults} faults`,
  );
});
