/**
 * Mutation by source: a copy of the node with one historic bug put back, run until a checker
 * objects. The shipped code has no switch for any of it.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Scenario } from "../scenario.test-kit.ts";
import { Simulation } from "../simulation.test-kit.ts";
import { loadSystem, shippedSource } from "../system.test-kit.ts";

export interface Edit {
  /** Below node/src. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly edits: readonly Edit[];
  /** What the runs must play, beside what their seed draws. */
  readonly scenario: Partial<Scenario>;
  /** One of these promises must be broken, within so many seeds. */
  readonly caughtBy: readonly string[];
  readonly seedsMax: number;
  /** Where a bug shows seldom: a seed that showed it soon. Default 1. */
  readonly firstSeed?: number;
}

const LAYERS = ["codec", "raft", "kv", "replica", "storage", "transport"] as const;

/** Asserts that the simulation catches the mutant, and says when it did. */
export const assertCaught = async (t: TestContext, mutant: Mutant): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "kvcluster-mutant-"));
  try {
    await copySource(folder);
    for (const edit of mutant.edits) await apply(folder, edit);
    await play(t, folder, mutant);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const copySource = async (folder: string): Promise<void> => {
  for (const layer of LAYERS) {
    const isShipped = (path: string): boolean => !/\.test(-kit)?\.ts$/.test(path);
    await cp(join(shippedSource, layer), join(folder, layer), {
      recursive: true,
      filter: isShipped,
    });
  }
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  await symlink(join(shippedSource, "../../node_modules"), join(folder, "node_modules"));
};

const apply = async (folder: string, { file, find, replace }: Edit): Promise<void> => {
  const path = join(folder, file);
  const source = await readFile(path, "utf8");
  const pieces = source.split(find);
  assert.equal(pieces.length, 2, `${file} holds ${JSON.stringify(find)} exactly once`);
  await writeFile(path, pieces.join(replace));
};

const play = async (t: TestContext, folder: string, mutant: Mutant): Promise<void> => {
  const system = await loadSystem(folder);
  let steps = 0;
  const first = mutant.firstSeed ?? 1;
  for (let seed = first; seed < first + mutant.seedsMax; seed += 1) {
    const { violation, ...run } = await new Simulation(system, seed, mutant.scenario).run();
    steps += run.steps;
    if (violation === null) continue;
    const words = violation.message.split("\n")[0] ?? "";
    t.diagnostic(`caught by seed ${seed} after ${steps} steps: ${words.slice(0, 160)}`);
    const isExpected = mutant.caughtBy.includes(violation.promise);
    assert.ok(isExpected, `caught, but as ${violation.message}`);
    return;
  }
  assert.fail(`not caught in ${mutant.seedsMax} seeds, ${steps} steps`);
};
