/**
 * `make bench`: three nodes of KVCluster and, where an etcd binary is found, three members of etcd
 * on the same disk with fsync on, driven in turns with the same load. Prints both and the ratio.
 * With `--write` it puts the report into docs/benchmarks.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { etcdVersion, findEtcd, startEtcd } from "./compare/etcd-system.ts";
import { startKvCluster } from "./compare/kvcluster-system.ts";
import type { Mix, System } from "./compare/load-order.ts";
import { comparisonTable, type Row } from "./compare/report.ts";
import { type Measured, measure } from "./compare/run-load.ts";
import { measureScale, REST_MS, type ScaleRow } from "./compare/scale.ts";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    warmup: { type: "string", default: "3" },
    /** Seconds of a mixed load before the first measured one: servers run for long. */
    first: { type: "string", default: "15" },
    connections: { type: "string", default: "1,64,256" },
    mixes: { type: "string", default: "put,get,9:1" },
    scale: { type: "string", default: "0,100000,1000000" },
    folder: { type: "string", default: tmpdir() },
    write: { type: "boolean", default: false },
  },
});

const KEYS = 100_000;
const VALUE_BYTES = 256;
const mebibyte = 1024 * 1024;

interface Load {
  readonly mix: Mix;
  readonly connections: number;
}

const loads: readonly Load[] = flags.mixes.split(",").flatMap((name) =>
  flags.connections.split(",").map((connections) => ({
    mix: name === "get" || name === "9:1" ? name : "put",
    connections: Number(connections),
  })),
);

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** All loads on one system, which is stopped again before the other one starts. */
const drive = async (system: System, binary: string, folder: string): Promise<Measured[]> => {
  const running = await (system === "etcd" ? startEtcd(binary, folder) : startKvCluster(folder));
  const results: Measured[] = [];
  const sizes = { keys: KEYS, valueBytes: VALUE_BYTES };
  try {
    const first = { seconds: Number(flags.first), warmUpSeconds: 0 };
    await measure(running, { ...first, ...sizes, system, mix: "9:1", connections: 64 });
    for (const load of loads) {
      const result = await measure(running, {
        ...load,
        system,
        seconds: Number(flags.seconds),
        warmUpSeconds: Number(flags.warmup),
        ...sizes,
      });
      if (result.errors > 0) say(`  ${result.errors} errors, the first: ${result.firstError}`);
      say(
        `  ${system} ${load.mix} ${load.connections}: ${Math.round(result.perSecond)}/s, ` +
          `p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms, ` +
          `generator ${((result.generatorCpuSeconds / result.seconds) * 100).toFixed(0)} % CPU`,
      );
      results.push(result);
    }
  } finally {
    await running.stop();
  }
  return results;
};

const compare = async (folder: string, etcd: string | null): Promise<readonly Row[]> => {
  const kvcluster = await drive("kvcluster", "", join(folder, "kvcluster"));
  const other = etcd === null ? [] : await drive("etcd", etcd, join(folder, "etcd"));
  return loads.flatMap((load, i) => {
    const ours = kvcluster[i];
    return ours === undefined ? [] : [{ ...load, kvcluster: ours, etcd: other[i] ?? null }];
  });
};

const scaleTable = (rows: readonly ScaleRow[]): string =>
  [
    `| keys | MiB of each node, ${REST_MS / 1000} s after the last load ` +
      "| ready again after kill -9, ms |",
    "| --- | --- | --- |",
    ...rows.map(({ keys, residentBytes, restartMs }) => {
      const memory = residentBytes.map((bytes) => Math.round(bytes / mebibyte)).join(", ");
      return `| ${keys.toLocaleString("en-US")} | ${memory} | ${Math.round(restartMs)} |`;
    }),
  ].join("\n");

const settings = (etcd: string | null): string => {
  const cores = cpus();
  return [
    `- ${cores.length} × ${cores[0]?.model ?? "unknown CPU"}, ` +
      `${Math.round(totalmem() / 1024 ** 3)} GiB, ${process.platform}, Node ${process.version}`,
    `- ${etcd === null ? "no etcd was found" : etcdVersion(etcd)}; both with three members on ` +
      "this machine, one disk, fsync on, and the load generator on the same cores",
    `- ${VALUE_BYTES}-byte values, ${KEYS.toLocaleString("en-US")} keys at random, closed loop, ` +
      `connections spread over all members; ${flags.first} s of a mixed load before the first, ` +
      `then ${flags.warmup} s warm-up and ${flags.seconds} s measured for each`,
    "- KVCluster as `make run` starts it: every request carries a JWT, every value is encrypted",
  ].join("\n");
};

/** Everything below this line in docs/benchmarks.md is replaced. */
const MARK = "<!-- written by make bench -->";

const publish = (report: string): void => {
  const path = new URL("../docs/benchmarks.md", import.meta.url);
  const [intro = ""] = readFileSync(path, "utf8").split(MARK);
  writeFileSync(path, `${intro}${MARK}\n\n${report}\n`);
};

const folder = mkdtempSync(join(flags.folder, "kvcluster-bench-"));
try {
  const etcd = findEtcd();
  say(settings(etcd));
  const rows = await compare(folder, etcd);
  const sizes = flags.scale === "" ? [] : flags.scale.split(",").map(Number);
  const scale = sizes.length === 0 ? [] : await measureScale(join(folder, "scale"), sizes);
  const report = [
    "### Settings",
    settings(etcd),
    "### KVCluster and etcd",
    comparisonTable(rows),
    "### Keys, memory and restart",
    scaleTable(scale),
  ].join("\n\n");
  say(`\n${report}`);
  if (flags.write) publish(report);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
