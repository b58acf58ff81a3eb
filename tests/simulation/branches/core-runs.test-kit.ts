/** What may take a branch of the core: its own tests, the golden scripts and the simulation. */
import { globSync } from "node:fs";
import { type CoreCoverage, root } from "./v8-coverage.test-kit.ts";

/** Unit tests, the rules of the paper, random runs, golden scripts: seconds. */
export const runTests = async (coverage: CoreCoverage): Promise<void> => {
  const unit = globSync("node/src/raft/*.test.ts", { cwd: root }).sort();
  await coverage.run(["--test", ...unit, "tests/golden/golden.test.ts"]);
};

/** @returns its last lines, with the figures of the run */
export const runSimulation = (coverage: CoreCoverage, seeds: number): Promise<string> => {
  const count = ["--from", "1", "--count", String(seeds), "--seconds", "3600"];
  return coverage.run(["tests/simulation/main.ts", ...count]);
};
