/** New releases in the middle of a run, one machine after the other, under faults and load. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Edit } from "../mutants/mutant.test-kit.ts";
import { withMutatedCopy } from "../mutants/mutated-copy.test-kit.ts";
import { describeFailure } from "../report.test-kit.ts";
import { Simulation } from "../simulation.test-kit.ts";
import { loadSystem, type System, shippedSource } from "../system.test-kit.ts";
import { hastyRelease, nextRelease, releaseAfterNext } from "./next-releases.test-kit.ts";

const SEEDS = 3;
const PEACE = { votersWanted: 3, machines: 3, faults: [], churnEveryUs: 0 } as const;

const shipped = await loadSystem(shippedSource);
const load = (edits: readonly Edit[]): Promise<System> =>
  withMutatedCopy(edits, "simulated", (root) => loadSystem(join(root, "node/src")));

test("formats change over two releases, node by node, and nothing is lost", async () => {
  const releases = [await load(nextRelease), await load(releaseAfterNext)];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const outcome = await new Simulation(shipped, seed, {}, releases).run();
    assert.ok(outcome.violation === null, describeFailure(outcome));
    const { machines } = outcome.scenario;
    assert.equal(outcome.coverage.get("upgrades"), machines * releases.length);
  }
});

test("a release that skips one stops the nodes that cannot read it; no states differ", async () => {
  const releases = [await load(releaseAfterNext)];
  const { violation } = await new Simulation(shipped, 1, PEACE, releases).run();
  assert.equal(violation?.promise, "no crash without a cause");
  assert.match(violation.message, /unknown command format 2|no commands? of version 1/);
});

test("a record format that changes node by node is noticed as another state", async () => {
  const releases = [await load(hastyRelease)];
  const { violation } = await new Simulation(shipped, 1, PEACE, releases).run();
  assert.equal(violation?.promise, "same state");
});
