/** Puts on few keys and on many: what the size of the store costs. */
import {
  type BenchContext,
  count,
  elapsed,
  milliseconds,
  onBoth,
  type Part,
  type PartReport,
  rate,
  showRatio,
  table,
  VALUE_BYTES,
} from "../bench-context.ts";
import { fill } from "../fill.ts";
import { type Measured, measure, warmUp } from "../run-load.ts";
import type { RunningSystem } from "../running-system.ts";

const FEW_KEYS = 10_000;
const CONNECTIONS = 256;
const FILL_SECONDS_MAX = 60;
/** After the fill, for compactions to end: the rate with many keys is what it stays at. */
const SETTLE_SECONDS = 15;

interface Grown {
  readonly few: Measured;
  readonly many: Measured;
  readonly keys: number;
  readonly fillSeconds: number;
}

const puts = (running: RunningSystem, keys: number, { sizes }: BenchContext): Promise<Measured> =>
  measure(running, {
    mix: "put",
    connections: CONNECTIONS,
    seconds: sizes.seconds * 2,
    warmUpSeconds: sizes.warmUpSeconds,
    keys,
    valueBytes: VALUE_BYTES,
  });

const explore = async (running: RunningSystem, context: BenchContext): Promise<Grown> => {
  const { sizes, say } = context;
  const { target } = running;
  const common = { valueBytes: VALUE_BYTES };
  await warmUp(running, sizes.firstSeconds);
  await fill(target, { ...common, from: 0, to: FEW_KEYS, secondsMax: FILL_SECONDS_MAX });
  const few = await puts(running, FEW_KEYS, context);
  say(`  ${target.system}, ${count(FEW_KEYS)} keys: ${rate(few.perSecond)} puts/s`);
  const order = { from: FEW_KEYS, to: sizes.grownKeys, secondsMax: sizes.growSecondsMax };
  const filled = await fill(target, { ...common, ...order });
  await elapsed(Math.min(SETTLE_SECONDS, sizes.restSeconds));
  const many = await puts(running, filled.to, context);
  say(`  ${target.system}, ${count(filled.to)} keys: ${rate(many.perSecond)} puts/s`);
  return { few, many, keys: filled.to, fillSeconds: filled.seconds };
};

const row = (name: string, { few, many, keys, fillSeconds }: Grown): string[] => [
  name,
  count(keys),
  fillSeconds.toFixed(0),
  rate(few.perSecond),
  rate(many.perSecond),
  showRatio(many.perSecond / few.perSecond),
  milliseconds(few.p99),
  milliseconds(many.p99),
];

const run = async (context: BenchContext): Promise<PartReport> => {
  const both = await onBoth(context, (running) => explore(running, context));
  const show = ({ few, many, keys }: Grown): string =>
    `${rate(many.perSecond)} with ${count(keys)}, ${rate(few.perSecond)} with 10 k`;
  const header = [
    ...["", "many keys", "filled in, s", "puts/s, 10 k keys", "puts/s, many keys", "ratio"],
    ...["p99 ms, 10 k", "p99 ms, many"],
  ];
  return {
    text: [
      `${CONNECTIONS} connections overwrite ${count(FEW_KEYS)} keys at random, then the store is ` +
        `filled on to ${count(context.sizes.grownKeys)} keys (\`--grown\`; or as many as ` +
        `${context.sizes.growSecondsMax} s allow), then all of them are overwritten at random, ` +
        `${context.sizes.seconds * 2} s each.`,
      table(header, [
        row("KVCluster", both.kvcluster),
        ...(both.etcd === null ? [] : [row("etcd", both.etcd)]),
      ]),
    ].join("\n\n"),
    measurements: [
      {
        goal: "growth",
        kvcluster: show(both.kvcluster),
        etcd: both.etcd === null ? "–" : show(both.etcd),
        ratio: both.kvcluster.many.perSecond / both.kvcluster.few.perSecond,
      },
    ],
  };
};

export const growthPart: Part = { name: "growth", title: "Few keys and many", run };
