/** Puts, linearizable gets and a mix in a closed loop, at several numbers of connections. */
import {
  type BenchContext,
  type Both,
  KEYS,
  milliseconds,
  type Part,
  type PartReport,
  rate,
  VALUE_BYTES,
  warmUpBoth,
  withBoth,
} from "../bench-context.ts";
import type { GoalName, Measurement } from "../goals.ts";
import type { Mix } from "../load-order.ts";
import { comparisonTable, type Row } from "../report.ts";
import { type Measured, measure } from "../run-load.ts";
import type { RunningSystem } from "../running-system.ts";
import { inTurns } from "../turns.ts";

interface Load {
  readonly mix: Mix;
  readonly connections: number;
}

const MIXES: readonly Mix[] = ["put", "get", "9:1"];

const goalOf = ({ mix, connections }: Load): GoalName | null => {
  switch (`${mix} ${connections}`) {
    case "put 256":
      return "puts256";
    case "put 64":
      return "puts64";
    case "put 1":
      return "lonePut";
    case "get 256":
      return "gets";
    case "9:1 256":
      return "mixed";
    default:
      return null;
  }
};

const measurementOf = ({ kvcluster, etcd, ...load }: Row): Measurement[] => {
  const goal = goalOf(load);
  if (goal === null) return [];
  const isLone = goal === "lonePut";
  const value = (one: Measured): number => (isLone ? one.p50 : one.perSecond);
  const show = isLone ? milliseconds : rate;
  return [
    {
      goal,
      kvcluster: show(value(kvcluster)),
      etcd: etcd === null ? "–" : show(value(etcd)),
      ratio: etcd === null ? null : value(kvcluster) / value(etcd),
    },
  ];
};

/** @param mixes and connections of `make bench --mixes --connections` */
export const throughputPart = (mixes: readonly Mix[] = MIXES): Part => ({
  name: "throughput",
  title: "Puts, gets and a mix",
  run: (context) => run(context, mixes),
});

const run = async (context: BenchContext, mixes: readonly Mix[]): Promise<PartReport> => {
  const { sizes } = context;
  const loads = mixes.flatMap((mix): Load[] =>
    sizes.connections.map((connections) => ({ mix, connections })),
  );
  const rows = await withBoth(context, async (both) => {
    await warmUpBoth(both, context);
    const measured: Row[] = [];
    for (const load of loads) measured.push({ ...load, ...(await compare(both, load, context)) });
    return measured;
  });
  const text = [
    `${VALUE_BYTES}-byte values, ${KEYS.toLocaleString("en-US")} keys at random, closed loop, ` +
      `connections spread over all members; ${sizes.firstSeconds} s of a mixed load before the ` +
      `first, then ${sizes.warmUpSeconds} s warm-up and ${sizes.seconds} s measured for each. ` +
      `Both run beside each other and have ${sizes.turns} turns at each load, ` +
      `${sizes.putTurns} at puts, one after the other while the other rests, and begin at ` +
      "another member each (a lone connection has only that one); the turn with the median rate " +
      "is told.",
    comparisonTable(rows),
  ].join("\n\n");
  return { text, measurements: rows.flatMap(measurementOf) };
};

const compare = (
  both: Both<RunningSystem>,
  load: Load,
  { sizes, say }: BenchContext,
): Promise<Both<Measured>> =>
  inTurns(both, {
    turns: load.mix === "put" ? sizes.putTurns : sizes.turns,
    by: ({ perSecond }) => perSecond,
    measure: async (running) => {
      const { seconds, warmUpSeconds } = sizes;
      const order = { ...load, seconds, warmUpSeconds, keys: KEYS, valueBytes: VALUE_BYTES };
      const result = await measure(running, order);
      say(`  ${running.target.system} ${load.mix} ${load.connections}: ${describe(result)}`);
      return result;
    },
  });

const describe = (result: Measured): string =>
  `${rate(result.perSecond)}/s, p50 ${milliseconds(result.p50)} ms, ` +
  `p99 ${milliseconds(result.p99)} ms, ` +
  `generator ${((result.generatorCpuSeconds / result.seconds) * 100).toFixed(0)} % CPU`;
