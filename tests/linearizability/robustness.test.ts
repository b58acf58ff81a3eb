/**
 * Real nodes under every kind of fault, each once, and the history of concurrent clients checked
 * for linearizability. The short form of `make robustness`.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { diskFaults, type Fault, plainFaults } from "./faults.test-kit.ts";
import { whyNoPowerLoss } from "./power-loss-disk.test-kit.ts";
import { runRobustness } from "./robustness-run.test-kit.ts";

const LIMIT = { timeout: 600_000 } as const;

/** Another one each time, printed by the run; a seed given by ROBUSTNESS_SEED is played again. */
const seed = Number(process.env["ROBUSTNESS_SEED"] ?? Date.now() % 1_000_000);

async function play(
  t: TestContext,
  faults: Readonly<Record<string, Fault>>,
  hasPowerLoss: boolean,
): Promise<void> {
  const figures = await runRobustness({
    seed,
    faults,
    site: { hasPowerLoss },
    faultsOfRound: Object.keys(faults).length,
    goesOn: () => false,
    log: (line) => t.diagnostic(line),
  });
  for (const line of figures.lines()) t.diagnostic(line);
  assert.deepEqual(figures.shortcomings(), []);
}

test("faults of processes, network and members leave a linearizable history", LIMIT, (t) =>
  play(t, plainFaults, false),
);

test("power loss and bad disks leave a linearizable history", LIMIT, async (t) => {
  const reason = whyNoPowerLoss();
  if (reason === null) await play(t, diskFaults, true);
  else t.skip(`POWER LOSS IS NOT TESTED HERE: ${reason}`);
});
