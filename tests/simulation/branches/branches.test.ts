/** Every branch of the consensus core is taken by a test, or there is a reason why it cannot be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runTests } from "./core-runs.test-kit.ts";
import { reasonFor } from "./untaken-branches.test-kit.ts";
import { CoreCoverage } from "./v8-coverage.test-kit.ts";

/** Fewer: the coverage was not measured. */
const BRANCHES_MIN = 800;

test("every branch of the core is taken, or it is known why not", async () => {
  const coverage = new CoreCoverage();
  await runTests(coverage);
  assert.ok(coverage.total >= BRANCHES_MIN, `${coverage.total} branches`);
  const unexplained = coverage
    .untaken()
    .filter((branch) => reasonFor(branch) === null)
    .map(({ file, line, source }) => `${file}:${line} ${source}`);
  assert.deepEqual(unexplained, [], "add a test, or a reason to untaken-branches.test-kit.ts");
});
