/**
 * Two builds of KVCluster, or one with two settings, under the same load in the same seconds: what
 * a request costs in one beside the other. On a machine whose speed changes by half within minutes
 * two runs cannot be compared; what shares every second can.
 *
 *   node bench/side-by-side.ts --other /path/to/built/checkout --mix put --connections 128
 *   node bench/side-by-side.ts --setting KVCLUSTER_RAFT_INFLIGHT_MESSAGES_MAX=2
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type KvClusterChoice, startKvCluster } from "./compare/kvcluster-system.ts";
import { toMix } from "./compare/load-order.ts";
import { type Measured, measure } from "./compare/run-load.ts";
import { type RunningSystem, residentBytes } from "./compare/running-system.ts";
import { type ThreadTimes, threadSeconds } from "./compare/thread-times.ts";

const { values: flags } = parseArgs({
  options: {
    other: { type: "string" },
    setting: { type: "string", multiple: true, default: [] },
    mix: { type: "string", default: "put" },
    connections: { type: "string", default: "128" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    warmup: { type: "string", default: "8" },
  },
});

const MIB = 1024 * 1024;
/** The other's ports begin so many above the first one's. */
const OTHER_PORTS = 1_000;

/** One round of one system, everything a request. */
interface Round {
  readonly load: Measured;
  /** CPU of three nodes by kind of thread, microseconds. */
  readonly micros: ReadonlyMap<string, number>;
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
};

const threadsOf = (running: RunningSystem): readonly ThreadTimes[] =>
  running.pids().map(threadSeconds);

const used = (before: readonly ThreadTimes[], after: readonly ThreadTimes[]): ThreadTimes => {
  const sum = new Map<string, number>();
  for (const [at, times] of after.entries()) {
    for (const [name, seconds] of times) {
      const grown = seconds - (before[at]?.get(name) ?? 0);
      for (const key of [name, "all"]) sum.set(key, (sum.get(key) ?? 0) + grown);
    }
  }
  return sum;
};

const playRound = async (running: RunningSystem, seconds: number): Promise<Round> => {
  const before = threadsOf(running);
  const load = await measure(running, {
    mix: toMix(flags.mix),
    connections: Number(flags.connections),
    seconds,
    warmUpSeconds: 0,
    keys: 100_000,
    valueBytes: 256,
  });
  const requests = load.perSecond * load.seconds;
  const grown = used(before, threadsOf(running));
  return { load, micros: new Map([...grown].map(([name, s]) => [name, (s / requests) * 1e6])) };
};

const tell = (name: string, rounds: readonly Round[], running: RunningSystem): void => {
  const perSecond = median(rounds.map(({ load }) => load.perSecond));
  const p50 = median(rounds.map(({ load }) => load.p50));
  const memory = residentBytes(running.pids()).map((bytes) => (bytes / MIB).toFixed(0));
  say(`${name}: ${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(2)} ms, ${memory.join(", ")} MiB`);
};

const compare = (first: readonly Round[], other: readonly Round[]): void => {
  say("\nCPU of three nodes a request, µs: first, other, ratio (of each round)");
  const names = ["all", "main", "kvcluster-store", "node-V8Worker"];
  for (const name of names) {
    const a = first.map(({ micros }) => micros.get(name) ?? 0);
    const b = other.map(({ micros }) => micros.get(name) ?? 0);
    const ratios = b.map((value, at) => value / (a[at] ?? Number.NaN));
    const figures = [median(a).toFixed(1), median(b).toFixed(1), median(ratios).toFixed(2)];
    say(
      `${name.padEnd(16)} ${figures.join("  ")}   (${ratios.map((r) => r.toFixed(2)).join(" ")})`,
    );
  }
};

const env = Object.fromEntries(
  flags.setting.map((text) => [text.split("=")[0] ?? "", text.slice(text.indexOf("=") + 1)]),
);
const choices: readonly KvClusterChoice[] = [
  {},
  {
    portOffset: OTHER_PORTS,
    env,
    ...(flags.other === undefined ? {} : { checkout: flags.other }),
  },
];
const folder = mkdtempSync(join(tmpdir(), "kvcluster-side-by-side-"));
const running: RunningSystem[] = [];
try {
  for (const [at, choice] of choices.entries()) {
    running.push(await startKvCluster(join(folder, String(at)), choice));
  }
  const both = (seconds: number): Promise<Round[]> =>
    Promise.all(running.map((one) => playRound(one, seconds)));
  await both(Number(flags.warmup));
  const rounds: Round[][] = [];
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    rounds.push(await both(Number(flags.seconds)));
  }
  const of = (at: number): readonly Round[] => rounds.flatMap((round) => round[at] ?? []);
  for (const [at, one] of running.entries()) tell(at === 0 ? "first" : "other", of(at), one);
  compare(of(0), of(1));
} finally {
  for (const one of running) await one.stop();
  rmSync(folder, { recursive: true, force: true });
}
