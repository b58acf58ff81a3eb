/** Runs what must notice a mutant, and says what did and when. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Simulation } from "../simulation.test-kit.ts";
import { loadSystem } from "../system.test-kit.ts";
import type { BySimulation, ByTests, Caught, Mutant } from "./mutant.test-kit.ts";
import { withMutatedCopy } from "./mutated-copy.test-kit.ts";

/** A copy whose tests take longer hangs, and that is no way to be caught. */
const TESTS_MS_MAX = 120_000;

/** @throws AssertionError when nothing notices, or something else than was expected does */
export const hunt = ({ edits, caughtBy }: Mutant): Promise<Caught> =>
  caughtBy.suite === "simulation"
    ? withMutatedCopy(edits, "simulated", (root) => simulate(root, caughtBy))
    : withMutatedCopy(edits, "tested", (root) => runTests(root, caughtBy));

export const titleOf = ({ bug, seenIn }: Mutant): string => `${bug} (${seenIn})`;

/** Fails when the mutant survives, and says what caught it. */
export const assertCaught = async (t: TestContext, mutant: Mutant): Promise<void> => {
  const { by, after } = await hunt(mutant);
  t.diagnostic(`${mutant.caughtBy.suite}: ${by}, ${after}`);
};

const simulate = async (root: string, expected: BySimulation): Promise<Caught> => {
  const system = await loadSystem(join(root, "node/src"));
  const first = expected.firstSeed ?? 1;
  let steps = 0;
  for (let seed = first; seed < first + expected.seedsMax; seed += 1) {
    const { violation, ...run } = await new Simulation(system, seed, expected.scenario).run();
    steps += run.steps;
    if (violation === null) continue;
    const isExpected = expected.promises.includes(violation.promise);
    assert.ok(isExpected, `caught, but as ${violation.message.slice(0, 600)}`);
    return { by: violation.promise, after: `seed ${seed}, ${steps} steps` };
  }
  assert.fail(`not caught in ${expected.seedsMax} seeds, ${steps} steps`);
};

const runTests = async (root: string, { files, test: wanted }: ByTests): Promise<Caught> => {
  const results = await readResults(root, files);
  const at = results.findIndex(({ name, isOk }) => !isOk && name === wanted);
  const failed = results.filter(({ isOk }) => !isOk).map(({ name }) => name);
  // A copy that does not even load has no such test, and proves nothing.
  assert.ok(at >= 0, `not noticed by "${wanted}"; of ${results.length}, failed: ${failed}`);
  return { by: wanted, after: `test ${at + 1} of ${results.length}` };
};

export interface TestResult {
  readonly name: string;
  readonly isOk: boolean;
}

/** Runs test files of a copy. */
export const readResults = (
  root: string,
  files: readonly string[],
): Promise<readonly TestResult[]> => {
  const paths = files.map((file) => join(root, file));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env, timeout: TESTS_MS_MAX, maxBuffer: 2 ** 28 };
    const parameters = ["--test", "--test-reporter=tap", ...paths];
    execFile(process.execPath, parameters, options, (error, output) => {
      if (error?.killed === true) reject(new Error(`the tests hang: ${output.slice(-2000)}`));
      else resolve(parseResults(output));
    });
  });
};

const parseResults = (output: string): readonly TestResult[] =>
  [...output.matchAll(/^ *(not )?ok \d+ - (.*?)(?: # .*)?$/gm)].map(([, not, name = ""]) => ({
    name,
    isOk: not === undefined,
  }));
