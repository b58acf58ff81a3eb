/** Latency of puts at the rates that etcd bears: its own peak and four fifths of it. */
import {
  type BenchContext,
  type Both,
  KEYS,
  milliseconds,
  type Part,
  type PartReport,
  rate,
  ratioOf,
  showRatio,
  table,
  VALUE_BYTES,
  warmUpBoth,
  withBoth,
} from "../bench-context.ts";
import { type Measured, measure } from "../run-load.ts";
import type { RunningSystem } from "../running-system.ts";
import { inTurns } from "../turns.ts";

/** Requests under way at most; what comes on top waits, and its wait counts. */
const CONNECTIONS = 512;
const CLOSED_LOOPS: readonly number[] = [256, 512];
const SHARES: readonly number[] = [0.8, 1];
/** A queue needs time to show. */
const SECONDS_TIMES = 2;

const common = { mix: "put", keys: KEYS, valueBytes: VALUE_BYTES } as const;

const findPeak = async (running: RunningSystem, { sizes, say }: BenchContext): Promise<number> => {
  let peak = 0;
  for (const connections of CLOSED_LOOPS) {
    const { seconds, warmUpSeconds } = sizes;
    const { perSecond } = await measure(running, {
      ...common,
      connections,
      seconds,
      warmUpSeconds,
    });
    say(`  ${running.target.system}, closed loop of ${connections}: ${rate(perSecond)}/s`);
    peak = Math.max(peak, perSecond);
  }
  return peak;
};

const pace = (
  both: Both<RunningSystem>,
  perSecond: number,
  { sizes, say }: BenchContext,
): Promise<Both<Measured>> =>
  inTurns(both, {
    turns: sizes.turns,
    by: ({ p99 }) => p99,
    measure: async (running) => {
      const result = await measure(running, {
        ...common,
        connections: CONNECTIONS,
        rate: perSecond,
        seconds: sizes.seconds * SECONDS_TIMES,
        warmUpSeconds: sizes.warmUpSeconds,
      });
      say(
        `  ${running.target.system}, ${rate(perSecond)} begun a second: ` +
          `${rate(result.perSecond)}/s answered, p50 ${milliseconds(result.p50)} ms, ` +
          `p99 ${milliseconds(result.p99)} ms`,
      );
      return result;
    },
  });

const cells = (result: Measured | null): string[] =>
  result === null
    ? ["–", "–", "–", "–"]
    : [rate(result.perSecond), ...[result.p50, result.p99, result.max].map(milliseconds)];

interface Paced extends Both<Measured> {
  readonly share: number;
  readonly perSecond: number;
}

/** etcd's peak is what both are measured at; without it, our own. */
const explore = async (context: BenchContext): Promise<readonly Paced[]> =>
  withBoth(context, async (both) => {
    await warmUpBoth(both, context);
    const peak = await findPeak(both.etcd ?? both.kvcluster, context);
    const paced: Paced[] = [];
    for (const share of SHARES) {
      const perSecond = peak * share;
      paced.push({ share, perSecond, ...(await pace(both, perSecond, context)) });
    }
    return paced;
  });

const ratioOfP99 = (one: Both<Measured> | undefined): number | null =>
  one === undefined ? null : ratioOf(one, ({ p99 }) => p99);

const run = async (context: BenchContext): Promise<PartReport> => {
  const paced = await explore(context);
  const rows = paced.map((one) => [
    `${Math.round(one.share * 100)} % of the peak: ${rate(one.perSecond)}/s`,
    ...[...cells(one.kvcluster), ...cells(one.etcd), showRatio(ratioOfP99(one))],
  ]);
  const head = ["answered /s", "p50 ms", "p99 ms", "max ms"];
  const atPeak = paced.at(-1);
  return {
    text: [
      `The peak is the best rate that ${context.etcd === null ? "KVCluster" : "etcd"} reached in ` +
        `closed loops of ${CLOSED_LOOPS.join(" and ")} connections. Then puts begin at even ` +
        `intervals at that rate, over ${CONNECTIONS} connections, and a latency counts from the ` +
        "moment at which its put was meant to begin, also when no connection was free then. " +
        `${context.sizes.seconds * SECONDS_TIMES} s measured for each, in ${context.sizes.turns} ` +
        "turns of both; the turn with the median p99 is told.",
      table(["load", ...head, ...head.map((name) => `etcd ${name}`), "ratio p99"], rows),
    ].join("\n\n"),
    measurements: [
      {
        goal: "peakP99",
        kvcluster: milliseconds(atPeak?.kvcluster.p99 ?? Number.NaN),
        etcd: atPeak?.etcd == null ? "–" : milliseconds(atPeak.etcd.p99),
        ratio: ratioOfP99(atPeak),
      },
    ],
  };
};

export const peakPart: Part = { name: "peak", title: "Latency at etcd's own peak load", run };
