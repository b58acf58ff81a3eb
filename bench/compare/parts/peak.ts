/** Latency of puts at the rates that etcd bears: its own peak and four fifths of it. */
import {
  type BenchContext,
  KEYS,
  milliseconds,
  type Part,
  type PartReport,
  rate,
  showRatio,
  table,
  VALUE_BYTES,
  withSystem,
} from "../bench-context.ts";
import { type Measured, measure, warmUp } from "../run-load.ts";
import type { RunningSystem } from "../running-system.ts";

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

const pace = async (
  running: RunningSystem,
  rates: readonly number[],
  { sizes, say }: BenchContext,
): Promise<Measured[]> => {
  const results: Measured[] = [];
  for (const perSecond of rates) {
    const result = await measure(running, {
      ...common,
      connections: CONNECTIONS,
      rate: perSecond,
      seconds: sizes.seconds * SECONDS_TIMES,
      warmUpSeconds: sizes.warmUpSeconds,
    });
    say(
      `  ${running.target.system}, ${rate(perSecond)} begun a second: ${rate(result.perSecond)}/s` +
        ` answered, p50 ${milliseconds(result.p50)} ms, p99 ${milliseconds(result.p99)} ms`,
    );
    results.push(result);
  }
  return results;
};

const cells = (result: Measured | undefined): string[] =>
  result === undefined
    ? ["–", "–", "–", "–"]
    : [rate(result.perSecond), ...[result.p50, result.p99, result.max].map(milliseconds)];

const run = async (context: BenchContext): Promise<PartReport> => {
  const { firstSeconds } = context.sizes;
  const explore = async (running: RunningSystem) => {
    await warmUp(running, firstSeconds);
    const peak = await findPeak(running, context);
    const rates = SHARES.map((share) => peak * share);
    return { rates, results: await pace(running, rates, context) };
  };
  // etcd first: its peak is what both are measured at. Without it, our own.
  const first = await withSystem(context, context.etcd === null ? "kvcluster" : "etcd", explore);
  const { rates } = first;
  const ours =
    context.etcd === null
      ? first.results
      : await withSystem(context, "kvcluster", async (running) => {
          await warmUp(running, firstSeconds);
          return pace(running, rates, context);
        });
  const theirs = context.etcd === null ? [] : first.results;
  const rows = SHARES.map((share, i) => {
    const [one, other] = [ours[i], theirs[i]];
    const ratio = one === undefined || other === undefined ? null : one.p99 / other.p99;
    const load = `${Math.round(share * 100)} % of the peak: ${rate(rates[i] ?? 0)}/s`;
    return [load, ...cells(one), ...cells(other), showRatio(ratio)];
  });
  const head = ["answered /s", "p50 ms", "p99 ms", "max ms"];
  const [one, other] = [ours.at(-1), theirs.at(-1)];
  const peakRatio = one === undefined || other === undefined ? null : one.p99 / other.p99;
  return {
    text: [
      `The peak is the best rate that ${context.etcd === null ? "KVCluster" : "etcd"} reached in ` +
        `closed loops of ${CLOSED_LOOPS.join(" and ")} connections. Then puts begin at even ` +
        `intervals at that rate, over ${CONNECTIONS} connections, and a latency counts from the ` +
        "moment at which its put was meant to begin, also when no connection was free then. " +
        `${context.sizes.seconds * SECONDS_TIMES} s measured for each.`,
      table(["load", ...head, ...head.map((name) => `etcd ${name}`), "ratio p99"], rows),
    ].join("\n\n"),
    measurements: [
      {
        goal: "peakP99",
        kvcluster: milliseconds(one?.p99 ?? Number.NaN),
        etcd: other === undefined ? "–" : milliseconds(other.p99),
        ratio: peakRatio,
      },
    ],
  };
};

export const peakPart: Part = { name: "peak", title: "Latency at etcd's own peak load", run };
