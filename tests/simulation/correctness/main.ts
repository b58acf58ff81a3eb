/**
 * `make correctness`: plays every mutant, the seeds of `make test` and the coverage of the core,
 * and writes what came of it into docs/correctness.md. Minutes.
 *
 *   node tests/simulation/correctness/main.ts [mutants] [simulation] [branches]
 */
import { availableParallelism } from "node:os";
import { runSimulation, runTests } from "../branches/core-runs.test-kit.ts";
import { reasonFor } from "../branches/untaken-branches.test-kit.ts";
import { CoreCoverage } from "../branches/v8-coverage.test-kit.ts";
import { hunt } from "../mutants/hunt.test-kit.ts";
import type { Caught, Mutant } from "../mutants/mutant.test-kit.ts";
import { mutants } from "../mutants/mutants.test-kit.ts";
import { Simulation } from "../simulation.test-kit.ts";
import { loadSystem, shippedSource } from "../system.test-kit.ts";
import { Tally } from "../tally.test-kit.ts";
import { printMutants } from "./mutant-table.test-kit.ts";
import { printTable, type SectionName, writeSection } from "./report-section.test-kit.ts";

/** As in `make test`. */
const SEEDS = 60;
/** V8 counts at the cost of speed. */
const SEEDS_COUNTED = 12;

const huntAll = async (): Promise<string> => {
  const caught = new Map<Mutant, Caught>();
  const huntLane = async (lane: readonly Mutant[]): Promise<void> => {
    for (const mutant of lane) {
      caught.set(mutant, await hunt(mutant));
      console.log(`${caught.size} of ${mutants.length}: ${mutant.bug}`);
    }
  };
  const isSimulated = ({ caughtBy }: Mutant): boolean => caughtBy.suite === "simulation";
  const byTests = mutants.filter((mutant) => !isSimulated(mutant));
  await Promise.all([huntLane(mutants.filter(isSimulated)), huntLane(byTests)]);
  return printMutants(caught);
};

const simulate = async (): Promise<string> => {
  const system = await loadSystem(shippedSource);
  const tally = new Tally();
  for (let seed = 1; seed <= SEEDS; seed += 1) tally.add(await new Simulation(system, seed).run());
  if (tally.failed.length > 0) throw new Error(`seeds ${tally.failed.join(", ")} failed`);
  const all = tally.figures();
  const count = (what: string): string => `${tally.coverage.get(what)}`;
  const admitted = count("admin addLearner done");
  const rows: readonly (readonly [string, string])[] = [
    ["seeds, none failed", `${all.seeds}`],
    ["cluster time, quiet stretches included", `${all.years.toFixed(2)} years`],
    ["of it played event by event", `${all.playedS.toFixed(0)} s`],
    ["of it leapt over, the cluster being at rest", `${all.leaptDays.toFixed(0)} days`],
    ["processor time", `${all.processorS.toFixed(0)} s of one core`],
    ["played time to processor time", `${(all.playedS / all.processorS).toFixed(1)} to 1`],
    ["steps", `${all.steps} (${(all.steps / all.processorS).toFixed(0)} a second of processor)`],
    ["faults", `${all.faults}, one in ${(all.playedS / all.faults).toFixed(1)} s of played time`],
    ["starts after which the state was checked", count("states checked after a start")],
    ["elections won", count("elections won")],
    ["members admitted and removed", `${admitted} and ${count("admin remove done")}`],
    ["snapshots installed", count("snapshots installed")],
    ["answers to clients that were checked", `${tally.coverage.sum("answered ")}`],
  ];
  return printTable([[`Seeds 1 to ${SEEDS}, ${availableParallelism()} cores`, "Figure"], ...rows]);
};

const shown = (source: string): string => {
  const short = source.length > 60 ? `${source.slice(0, 60)}…` : source;
  return `\`${short.replaceAll("`", "'").replaceAll("|", "\\|")}\``;
};

const measureBranches = async (): Promise<string> => {
  const tests = new CoreCoverage();
  await runTests(tests);
  const simulation = new CoreCoverage();
  await runSimulation(simulation, SEEDS_COUNTED);
  const share = (coverage: CoreCoverage): string =>
    `${coverage.total - coverage.untaken().length} of ${coverage.total}`;
  const untaken = CoreCoverage.union(tests, simulation).untaken();
  const rows = untaken.map((branch) => [
    `${branch.file}:${branch.line}`,
    shown(branch.source),
    reasonFor(branch) ?? "none: a test is missing",
  ]);
  return [
    `Branches of \`node/src/raft\` as V8 counts them: unit, paper and golden tests take ` +
      `${share(tests)}, seeds 1 to ${SEEDS_COUNTED} of the simulation ${share(simulation)}. ` +
      "Neither takes:",
    printTable([["Where", "Branch", "Why"], ...rows]),
  ].join("\n\n");
};

const sections: Readonly<Record<SectionName, () => Promise<string>>> = {
  mutants: huntAll,
  simulation: simulate,
  branches: measureBranches,
};

const isSection = (name: string): name is SectionName => name in sections;
const wanted = process.argv.slice(2).filter(isSection);
for (const name of wanted.length > 0 ? wanted : (Object.keys(sections) as SectionName[])) {
  writeSection(name, await sections[name]());
  console.log(`docs/correctness.md: ${name}`);
}
