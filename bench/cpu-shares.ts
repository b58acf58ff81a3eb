/**
 * Where the CPU of one request goes: three nodes under one load, CPU per request by kind of thread
 * and, from V8's sampling profiles of all threads that run JavaScript, by source folder and by
 * function. CPU seconds are counted, so the figures bear other work on the machine better than a
 * rate does. `node bench/cpu-shares.ts --mix put --connections 256 --seconds 8 [--profile]`
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { batchCounts } from "./compare/batch-counts.ts";
import { startKvCluster } from "./compare/kvcluster-system.ts";
import { toMix } from "./compare/load-order.ts";
import { profileShares } from "./compare/profile-shares.ts";
import { measure } from "./compare/run-load.ts";
import { type ThreadTimes, threadSeconds } from "./compare/thread-times.ts";

const { values: flags } = parseArgs({
  options: {
    mix: { type: "string", default: "put" },
    connections: { type: "string", default: "256" },
    seconds: { type: "string", default: "8" },
    warmup: { type: "string", default: "3" },
    keys: { type: "string", default: "100000" },
    top: { type: "string", default: "40" },
    profile: { type: "boolean", default: false },
  },
});

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1000n);

const sumOf = (times: readonly ThreadTimes[]): Map<string, number> => {
  const sum = new Map<string, number>();
  for (const one of times) {
    for (const [name, seconds] of one) sum.set(name, (sum.get(name) ?? 0) + seconds);
  }
  return sum;
};

const folder = mkdtempSync(join(tmpdir(), "kvcluster-shares-"));
const profiles = join(folder, "profiles");
if (flags.profile) {
  process.env["NODE_OPTIONS"] = `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${profiles}`;
}
try {
  const running = await startKvCluster(join(folder, "data"));
  delete process.env["NODE_OPTIONS"];
  const order = {
    system: "kvcluster",
    mix: toMix(flags.mix),
    connections: Number(flags.connections),
    seconds: Number(flags.seconds),
    warmUpSeconds: 0,
    keys: Number(flags.keys),
    valueBytes: 256,
  } as const;
  let requests = 0;
  const window = { from: 0, to: 0 };
  try {
    await measure(running, { ...order, seconds: Number(flags.warmup) });
    const counts = await batchCounts();
    const before = sumOf(running.pids().map(threadSeconds));
    window.from = monotonicMicros();
    const result = await measure(running, order);
    window.to = monotonicMicros();
    const after = sumOf(running.pids().map(threadSeconds));
    requests = result.perSecond * result.seconds;
    say(
      `${Math.round(result.perSecond)}/s, p50 ${result.p50.toFixed(2)} ms, ${result.errors} errors`,
    );
    say(
      `generator ${((result.generatorCpuSeconds / requests) * 1e6).toFixed(1)} µs of CPU a request`,
    );
    for (const [name, count] of await batchCounts()) {
      const each = (count - (counts.get(name) ?? 0)) / requests;
      say(`${each.toFixed(3)} ${name} a request, on all nodes`);
    }
    say("\nCPU of three nodes by thread, µs a request");
    let total = 0;
    for (const [name, seconds] of [...after].sort(([, a], [, b]) => b - a)) {
      const micros = ((seconds - (before.get(name) ?? 0)) / requests) * 1e6;
      total += micros;
      if (micros >= 0.5) say(`${micros.toFixed(1).padStart(8)}  ${name}`);
    }
    say(`${total.toFixed(1).padStart(8)}  all`);
  } finally {
    await running.stop();
  }
  if (flags.profile) {
    const files = readdirSync(profiles).map((name) => readFileSync(join(profiles, name), "utf8"));
    for (const line of profileShares(files, window, { requests, top: Number(flags.top) }))
      say(line);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
