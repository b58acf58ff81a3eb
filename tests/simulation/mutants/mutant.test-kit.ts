/**
 * A historic bug, put back into a copy of the shipped source: the shipped code has no switch for
 * any of it. Every mutant says which suite must notice it.
 */
import type { Scenario } from "../scenario.test-kit.ts";

export interface Edit {
  /** Below node/src. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** The simulation plays seeds until it objects. */
export interface BySimulation {
  readonly suite: "simulation";
  /** One of these promises must be broken, within so many seeds. */
  readonly promises: readonly string[];
  /** What the runs must play, beside what their seed draws. */
  readonly scenario: Partial<Scenario>;
  readonly seedsMax: number;
  /** Where a bug shows seldom: a seed that showed it soon. Default 1. */
  readonly firstSeed?: number;
}

/** Test files that run against the copy: at least the named test must fail. */
export interface ByTests {
  readonly suite: "golden" | "paper" | "unit" | "storage" | "auth";
  /** Below the repository's root. */
  readonly files: readonly string[];
  readonly test: string;
}

export interface Mutant {
  readonly bug: string;
  /** Project and number as in raft-pitfalls, or where the rule stands. */
  readonly seenIn: string;
  readonly edits: readonly Edit[];
  readonly caughtBy: BySimulation | ByTests;
}

export interface Caught {
  /** A promise of the simulation, or the name of a test. */
  readonly by: string;
  /** Seed and steps, or how many tests ran before it. */
  readonly after: string;
}

/** Members and clients of most runs. */
export const THREE = { votersWanted: 3, machines: 3, clients: 4, thinkUs: 5_000 } as const;
export const FIVE = { votersWanted: 5, machines: 5, clients: 3, thinkUs: 20_000 } as const;

/** Nothing arrives when it should. */
export const ROUGH = {
  loss: 0.1,
  duplication: 0.3,
  reorder: 0.4,
  detourUs: 1_000_000,
  latencyUs: 20_000,
  streamBreak: 0,
  chunkDamage: 0,
};

const GOLDEN = "tests/golden/golden.test.ts";
const PAPER = "node/src/raft/paper.test.ts";

/** @param test the script, as golden.test.ts names it */
export const byGolden = (test: string): ByTests => ({ suite: "golden", files: [GOLDEN], test });

/** @param test a rule of the paper, as paper.test.ts words it */
export const byPaper = (test: string): ByTests => ({ suite: "paper", files: [PAPER], test });

export const byUnit = (file: string, test: string): ByTests => ({
  suite: "unit",
  files: [file],
  test,
});
