/**
 * `make bench`: three nodes of KVCluster and, where an etcd binary is found, three members of etcd
 * on the same disk with fsync on, driven in turns with the same load, part by part; at the end the
 * table of the goals. `--only peak,pages` runs some parts, `--quick` shows in seconds that each
 * works, `--write` puts the sections that ran, and their rows of the table, into
 * docs/benchmarks.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchContext, Part, PartReport } from "./compare/bench-context.ts";
import { etcdVersion, findEtcd } from "./compare/etcd-system.ts";
import { goalTable, type Measurement } from "./compare/goals.ts";
import { toMix } from "./compare/load-order.ts";
import { batchPart } from "./compare/parts/batch.ts";
import { failoverPart } from "./compare/parts/failover.ts";
import { growthPart } from "./compare/parts/growth.ts";
import { largeValuesPart } from "./compare/parts/large-values.ts";
import { millionPart } from "./compare/parts/million.ts";
import { pagesPart } from "./compare/parts/pages.ts";
import { peakPart } from "./compare/parts/peak.ts";
import { throughputPart } from "./compare/parts/throughput.ts";
import { commitMeasured, publish, publishedText } from "./compare/publish.ts";
import { FULL, QUICK, type Sizes } from "./compare/sizes.ts";

const { values: flags } = parseArgs({
  options: {
    /** Names of parts, with commas; empty: all of them. */
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    folder: { type: "string", default: tmpdir() },
    /** Without etcd: our own figures only. */
    alone: { type: "boolean", default: false },
    mixes: { type: "string", default: "put,get,9:1" },
    connections: { type: "string", default: "" },
    seconds: { type: "string", default: "" },
    warmup: { type: "string", default: "" },
    first: { type: "string", default: "" },
    /** Of each system at each load of `throughput` and others that take turns. */
    turns: { type: "string", default: "" },
    /** Keys of the part `growth`. */
    grown: { type: "string", default: "" },
  },
});

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const parts: readonly Part[] = [
  throughputPart(flags.mixes.split(",").map(toMix)),
  peakPart,
  batchPart,
  millionPart,
  failoverPart,
  growthPart,
  largeValuesPart,
  pagesPart,
];

/** @throws RangeError on a part that there is not */
const chosenParts = (): readonly Part[] => {
  if (flags.only === "") return parts;
  return flags.only.split(",").map((name) => {
    const part = parts.find((one) => one.name === name);
    const names = parts.map((one) => one.name).join(", ");
    if (part === undefined) throw new RangeError(`--only takes ${names}; not ${name}`);
    return part;
  });
};

const chosenSizes = (): Sizes => {
  const sizes = flags.quick ? QUICK : FULL;
  const number = (text: string, otherwise: number): number =>
    text === "" ? otherwise : Number(text);
  return {
    ...sizes,
    seconds: number(flags.seconds, sizes.seconds),
    warmUpSeconds: number(flags.warmup, sizes.warmUpSeconds),
    firstSeconds: number(flags.first, sizes.firstSeconds),
    turns: number(flags.turns, sizes.turns),
    putTurns: number(flags.turns, sizes.putTurns),
    grownKeys: number(flags.grown, sizes.grownKeys),
    connections:
      flags.connections === "" ? sizes.connections : flags.connections.split(",").map(Number),
  };
};

const settings = (etcd: string | null): string => {
  const cores = cpus();
  return [
    `- ${cores.length} × ${cores[0]?.model ?? "unknown CPU"}, ` +
      `${Math.round(totalmem() / 1024 ** 3)} GiB, ${process.platform}, Node ${process.version}`,
    `- ${etcd === null ? "no etcd was found" : etcdVersion(etcd)}; both with three members on ` +
      "this machine, one disk, fsync on, and the load generator on the same cores",
    "- KVCluster as `make run` starts it: every request carries a JWT, every value is encrypted; " +
      "etcd with its defaults: no TLS, no auth",
  ].join("\n");
};

const report = async (part: Part, context: BenchContext): Promise<PartReport> => {
  say(`\n${part.title} (${part.name})`);
  const startedAt = performance.now();
  const made = await part.run(context);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  say(`\n${made.text}\n\n(${part.name} took ${seconds} s)`);
  return made;
};

if (flags.quick && flags.write) throw new RangeError("the figures of --quick are not for --write");
const commit = commitMeasured();
const when = new Date().toISOString().slice(0, 10);
const folder = mkdtempSync(join(flags.folder, "kvcluster-bench-"));
try {
  const etcd = flags.alone ? null : findEtcd();
  const chosen = chosenParts();
  say(settings(etcd));
  const context: BenchContext = { folder, etcd, sizes: chosenSizes(), say };
  const measurements: Measurement[] = [];
  for (const part of chosen) {
    const made = await report(part, context);
    measurements.push(...made.measurements);
    if (!flags.write) continue;
    publish(part.name, `Measured at ${commit}, ${when}.\n\n${made.text}`);
  }
  const before = flags.write ? publishedText("goals") : "";
  const goals = goalTable(measurements, commit, before);
  say(`\n${goals}`);
  if (flags.write) {
    publish("goals", goals);
    publish("settings", settings(etcd));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
