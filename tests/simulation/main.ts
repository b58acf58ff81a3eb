/**
 * `make simulate SECONDS=… [SEED=…]`: plays seeds for so long, or exactly one seed.
 *
 *   node tests/simulation/main.ts --seconds 60       new seeds for a minute
 *   node tests/simulation/main.ts --seed 7           one seed, with its trace when it fails
 *   node tests/simulation/main.ts --from 1 --count 50
 */
import { parseArgs } from "node:util";
import { describeFailure, replayCommand } from "./report.test-kit.ts";
import { type Outcome, Simulation } from "./simulation.test-kit.ts";
import { loadSystem, type System, shippedSource } from "./system.test-kit.ts";
import { Tally } from "./tally.test-kit.ts";

interface Arguments {
  readonly seconds: number;
  readonly seed: number | null;
  readonly from: number;
  readonly count: number;
  readonly events: number;
  readonly keepGoing: boolean;
  /** One line for each seed. */
  readonly verbose: boolean;
}

const readArguments = (): Arguments => {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string" },
      from: { type: "string" },
      count: { type: "string" },
      events: { type: "string", default: "120" },
      "keep-going": { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
    },
  });
  const fresh = Math.floor(Date.now() / 10) % 1_000_000_000;
  return {
    seconds: Number(values.seconds),
    seed: values.seed === undefined ? null : Number(values.seed),
    from: values.from === undefined ? fresh : Number(values.from),
    count: values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count),
    events: Number(values.events),
    keepGoing: values["keep-going"],
    verbose: values.verbose,
  };
};

const describeRun = ({ seed, steps, simulatedUs, traceHash }: Outcome): string =>
  `seed ${seed}: ${steps} steps, ${(simulatedUs / 1e6).toFixed(1)} s, ` +
  `trace ${traceHash.toString(16)}`;

const playOne = async (system: System, seed: number, events: number): Promise<number> => {
  const tally = new Tally();
  const outcome = await new Simulation(system, seed).run();
  tally.add(outcome);
  console.log(tally.report());
  console.log(`trace hash ${outcome.traceHash.toString(16)}`);
  console.log(describeFailure(outcome, events));
  return outcome.violation === null ? 0 : 1;
};

const playMany = async (system: System, wanted: Arguments): Promise<number> => {
  const tally = new Tally();
  for (let seed = wanted.from; seed < wanted.from + wanted.count; seed += 1) {
    if (tally.elapsedS >= wanted.seconds) break;
    const outcome = await new Simulation(system, seed).run();
    tally.add(outcome);
    if (wanted.verbose) console.log(describeRun(outcome));
    if (outcome.violation === null) continue;
    if (!wanted.keepGoing) console.log(describeFailure(outcome, wanted.events));
    else console.log(`seed ${seed}: ${outcome.violation.message.slice(0, 300)}`);
    if (!wanted.keepGoing) break;
  }
  console.log(tally.report());
  for (const seed of tally.failed) console.log(`failed: ${replayCommand(seed)}`);
  return tally.failed.length === 0 ? 0 : 1;
};

const wanted = readArguments();
const system = await loadSystem(shippedSource);
process.exitCode =
  wanted.seed === null
    ? await playMany(system, wanted)
    : await playOne(system, wanted.seed, wanted.events);
