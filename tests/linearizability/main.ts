/**
 * `make robustness MINUTES=… [SEED=…]`: every fault against real nodes for so long, each round's
 * history checked, and the figures into docs/robustness-report.md.
 *
 *   node tests/linearizability/main.ts --minutes 30 [--seed 7] [--report docs/robustness-report.md]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { diskFaults, plainFaults } from "./faults.test-kit.ts";
import { whyNoPowerLoss } from "./power-loss-disk.test-kit.ts";
import { writeReport } from "./robustness-report.test-kit.ts";
import { runRobustness } from "./robustness-run.test-kit.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string" },
    /** Left out: no report is written. */
    report: { type: "string" },
  },
});

const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  throw new RangeError(`--minutes ${values.minutes} --seed ${values.seed}: want numbers`);
}

const noPowerLoss = whyNoPowerLoss();
if (noPowerLoss !== null) console.log(`POWER LOSS IS NOT PLAYED HERE: ${noPowerLoss}`);
const faults = noPowerLoss === null ? { ...plainFaults, ...diskFaults } : plainFaults;
const startedMs = performance.now();
const figures = await runRobustness({
  seed,
  faults,
  site: { hasPowerLoss: noPowerLoss === null },
  // Each kind once, in about a minute and a half: what a round records is held in memory.
  faultsOfRound: Object.keys(faults).length,
  goesOn: ({ rounds, faultsPlayed }) => {
    const goesOn = performance.now() - startedMs < minutes * 60_000;
    if (goesOn) console.log(`round ${rounds + 1}, ${faultsPlayed} faults so far`);
    return goesOn;
  },
  log: console.log,
});
for (const line of figures.lines()) console.log(line);
const shortcomings = figures.shortcomings();
for (const line of shortcomings) console.log(`✖ ${line}`);
if (shortcomings.length === 0 && values.report !== undefined) {
  writeFileSync(values.report, writeReport({ figures, seed, minutes, noPowerLoss }));
  console.log(`${values.report} is written`);
}
if (noPowerLoss !== null) console.log(`POWER LOSS WAS NOT PLAYED HERE: ${noPowerLoss}`);
process.exitCode = shortcomings.length === 0 ? 0 : 1;
