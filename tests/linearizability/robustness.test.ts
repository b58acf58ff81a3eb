/**
 * Real nodes under every kind of fault, each once, and the history of concurrent clients checked
 * for linearizability. The short form of `make robustness`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { diskFaults, plainFaults } from "./faults.test-kit.ts";
import { whyNoPowerLoss } from "./power-loss-disk.test-kit.ts";
import type { Figures } from "./robustness-figures.test-kit.ts";
import { runRobustness } from "./robustness-run.test-kit.ts";

const LIMIT = { timeout: 600_000 } as const;

/** Another one each time, printed by the run; a seed given by ROBUSTNESS_SEED is played again. */
const seed = Number(process.env["ROBUSTNESS_SEED"] ?? Date.now() % 1_000_000);
const noPowerLoss = whyNoPowerLoss();
let played: Figures | null = null;

test("every kind of fault leaves a linearizable history and a whole cluster", LIMIT, async (t) => {
  const faults = noPowerLoss === null ? { ...plainFaults, ...diskFaults } : plainFaults;
  const figures = await runRobustness({
    seed,
    faults,
    site: { hasPowerLoss: noPowerLoss === null },
    faultsOfRound: Object.keys(faults).length,
    goesOn: () => false,
    log: (line) => t.diagnostic(line),
  });
  for (const line of figures.lines()) t.diagnostic(line);
  assert.deepEqual(figures.shortcomings(), []);
  played = figures;
});

test("the power was cut, of one node and of all", (t) => {
  if (noPowerLoss !== null) {
    t.skip(`POWER LOSS IS NOT TESTED HERE: ${noPowerLoss}`);
    return;
  }
  assert.ok(played !== null, "the run before did not end");
  for (const name of Object.keys(diskFaults)) assert.ok((played.faults[name] ?? 0) > 0, name);
});
