/** What catches mutants is content with a copy that has no bug: else it would catch anything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readResults } from "./hunt.test-kit.ts";
import { mutants } from "./mutants.test-kit.ts";
import { withMutatedCopy } from "./mutated-copy.test-kit.ts";

test("every test that catches a mutant passes on a copy without edits", async () => {
  const byTests = mutants.flatMap(({ caughtBy }) =>
    caughtBy.suite === "simulation" ? [] : [caughtBy],
  );
  const files = [...new Set(byTests.flatMap((one) => one.files))];
  const results = await withMutatedCopy([], "tested", (root) => readResults(root, files));
  const passed = new Set(results.filter(({ isOk }) => isOk).map(({ name }) => name));
  const missing = byTests.map((one) => one.test).filter((name) => !passed.has(name));
  assert.deepEqual(missing, []);
});
