/** Tables of the comparison, as Markdown, for the terminal and docs/benchmarks.md alike. */
import type { Mix } from "./load-order.ts";
import type { Measured } from "./run-load.ts";

export interface Row {
  readonly mix: Mix;
  readonly connections: number;
  readonly kvcluster: Measured;
  /** null where no etcd was found. */
  readonly etcd: Measured | null;
}

const mebibyte = 1024 * 1024;

const rate = (perSecond: number): string => Math.round(perSecond).toLocaleString("en-US");
const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);
const names: Readonly<Record<Mix, string>> = {
  put: "puts",
  get: "linearizable gets",
  "9:1": "9 gets : 1 put",
  batch: "batches of 128 puts",
};

const cells = (result: Measured | null): string[] =>
  result === null
    ? ["–", "–", "–", "–", "–"]
    : [
        rate(result.perSecond),
        milliseconds(result.p50),
        milliseconds(result.p99),
        String(Math.round(result.memberCpuMicros)),
        String(Math.round(result.residentBytes / mebibyte)),
      ];

const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;

export const comparisonTable = (rows: readonly Row[]): string => {
  const head = ["/s", "p50 ms", "p99 ms", "CPU µs/req", "MiB"];
  const header = ["load", "conns", ...head, ...head.map((name) => `etcd ${name}`), "ratio /s"];
  return [
    line([...header, "ratio p50"]),
    line([...header, ""].map(() => "---")),
    ...rows.map(({ mix, connections, kvcluster, etcd }) =>
      line([
        names[mix],
        String(connections),
        ...cells(kvcluster),
        ...cells(etcd),
        etcd === null ? "–" : `**${(kvcluster.perSecond / etcd.perSecond).toFixed(2)}**`,
        etcd === null ? "–" : (kvcluster.p50 / etcd.p50).toFixed(2),
      ]),
    ),
  ].join("\n");
};
