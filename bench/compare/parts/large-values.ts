/** Values of 4 KiB and 1 MiB: rate, throughput and memory. */
import {
  type BenchContext,
  type Both,
  count,
  mebibytes,
  milliseconds,
  onBoth,
  type Part,
  type PartReport,
  ratioOf,
  showRatio,
  table,
} from "../bench-context.ts";
import { type Measured, measure } from "../run-load.ts";

interface Load {
  readonly name: string;
  readonly valueBytes: number;
  readonly keys: number;
  readonly connections: number;
}

const KIB = 1024;
const small = { name: "4 KiB", valueBytes: 4 * KIB, keys: 10_000 };
/** KVCluster's limit of a value by default; etcd's of a request is 1.5 MiB. */
const large = { name: "1 MiB", valueBytes: KIB * KIB, keys: 100 };

const loads: readonly Load[] = [
  { ...small, connections: 1 },
  { ...small, connections: 64 },
  { ...large, connections: 1 },
  { ...large, connections: 16 },
];

const perSecond = (one: Measured): number => one.perSecond;

const cells = (result: Measured | null, { valueBytes }: Load): string[] =>
  result === null
    ? ["–", "–", "–", "–", "–"]
    : [
        result.perSecond.toFixed(result.perSecond < 100 ? 1 : 0),
        ((result.perSecond * valueBytes) / 1024 ** 2).toFixed(1),
        milliseconds(result.p50),
        milliseconds(result.p99),
        mebibytes(result.residentBytes),
      ];

const run = async (context: BenchContext): Promise<PartReport> => {
  const { sizes, say } = context;
  const both = await onBoth(context, async (running) => {
    const results: Measured[] = [];
    for (const { name, ...load } of loads) {
      const result = await measure(running, {
        ...load,
        mix: "put",
        seconds: sizes.seconds,
        warmUpSeconds: sizes.warmUpSeconds,
      });
      const { system } = running.target;
      say(`  ${system} ${name} × ${load.connections}: ${result.perSecond.toFixed(1)}/s`);
      results.push(result);
    }
    return results;
  });
  const rows = loads.flatMap((load, i) => {
    const ours = both.kvcluster[i];
    if (ours === undefined) return [];
    const one: Both<Measured> = { kvcluster: ours, etcd: both.etcd?.[i] ?? null };
    return [
      [
        load.name,
        String(load.connections),
        ...cells(ours, load),
        ...cells(one.etcd, load),
        showRatio(ratioOf(one, perSecond)),
      ],
    ];
  });
  const head = ["puts/s", "MiB/s", "p50 ms", "p99 ms", "MiB of a node"];
  return {
    text: [
      `${count(small.keys)} keys of 4 KiB, then ${large.keys} of 1 MiB, overwritten at random in ` +
        "a closed loop. Memory is that of the largest member right after the load; etcd maps its " +
        "database file, whose pages count.",
      table(["value", "conns", ...head, ...head.map((name) => `etcd ${name}`), "ratio /s"], rows),
    ].join("\n\n"),
    measurements: [],
  };
};

export const largeValuesPart: Part = { name: "values", title: "Values of 4 KiB and 1 MiB", run };
