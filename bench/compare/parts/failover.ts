/** The leader is killed: how long until the next put is acknowledged by whoever is left. */
import {
  type BenchContext,
  median,
  onBoth,
  type Part,
  type PartReport,
  rate,
  ratioOf,
  showRatio,
  table,
  VALUE_BYTES,
} from "../bench-context.ts";
import { openConnection } from "../connections.ts";
import { Operations } from "../operations.ts";
import { measure } from "../run-load.ts";
import { answers, type RunningSystem, waitFor, waitForLeader } from "../running-system.ts";

const READY_MS_MAX = 60_000;
/** A put begins so often, on a connection of its own, whatever became of those before. */
const PROBE_EVERY_MS = 20;
const FAILOVER_MS_MAX = 30_000;

/** @returns milliseconds from `sinceMs` until the first of the puts sent from now on succeeds */
const nextPut = (running: RunningSystem, dead: number, sinceMs: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const operations = new Operations({ mix: "put", keys: 1000, valueBytes: VALUE_BYTES });
    const alive = running.target.endpoints.filter((_, at) => at !== dead);
    const target = { ...running.target, endpoints: alive };
    const open: (() => void)[] = [];
    let probes = 0;
    const end = (settle: () => void): void => {
      clearInterval(timer);
      for (const close of open) close();
      settle();
    };
    const probe = (): void => {
      const waitedMs = performance.now() - sinceMs;
      if (waitedMs > FAILOVER_MS_MAX) {
        end(() => reject(new Error(`no put was acknowledged for ${Math.round(waitedMs)} ms`)));
        return;
      }
      const connection = openConnection(target, probes);
      probes += 1;
      open.push(() => connection.close());
      connection.ready.then(
        () => {
          connection.send(operations.next(), (error) => {
            if (error === null) end(() => resolve(performance.now() - sinceMs));
          });
        },
        // A refused connection is a probe that brought nothing; the next one comes soon.
        () => undefined,
      );
    };
    const timer = setInterval(probe, PROBE_EVERY_MS);
    probe();
  });

const failover = async (running: RunningSystem): Promise<number> => {
  const leader = await waitForLeader(running, READY_MS_MAX);
  const killedAt = performance.now();
  running.kill(leader);
  const ms = await nextPut(running, leader, killedAt);
  await waitFor("the killed leader to be gone", READY_MS_MAX, async () => {
    return performance.now() - killedAt > 1000 || !(await answers(running.readyUrl(leader)));
  });
  running.revive(leader);
  return ms;
};

const explore = async (running: RunningSystem, { sizes, say }: BenchContext): Promise<number[]> => {
  const load = { mix: "put", connections: 64, keys: 1000, valueBytes: VALUE_BYTES } as const;
  await measure(running, { ...load, seconds: sizes.seconds, warmUpSeconds: 0 });
  const times: number[] = [];
  for (let n = 0; n < sizes.failovers; n += 1) times.push(await failover(running));
  say(`  ${running.target.system}: ${times.map((ms) => Math.round(ms)).join(", ")} ms`);
  return times;
};

const worst = (times: readonly number[]): number => Math.max(...times);

const run = async (context: BenchContext): Promise<PartReport> => {
  const both = await onBoth(context, (running) => explore(running, context));
  const row = (name: string, times: readonly number[]): string[] => [
    name,
    ...[Math.min(...times), median(times), worst(times)].map(rate),
  ];
  const ratio = ratioOf(both, median);
  const show = (times: readonly number[]): string =>
    `${rate(median(times))} (${rate(worst(times))})`;
  return {
    text: [
      `The leader's process is killed (kill -9) ${context.sizes.failovers} times; a put begins ` +
        `every ${PROBE_EVERY_MS} ms at one of the two others, on a connection of its own, until ` +
        "one of them is acknowledged. Both with their default timeouts: KVCluster's followers " +
        "campaign after 700 to 1400 ms without a leader, etcd's after 1000 to 2000.",
      table(
        ["", "fastest, ms", "median, ms", "worst, ms"],
        [
          row("KVCluster", both.kvcluster),
          ...(both.etcd === null ? [] : [row("etcd", both.etcd)]),
          ["ratio", "", showRatio(ratio), showRatio(ratioOf(both, worst))],
        ],
      ),
    ].join("\n\n"),
    measurements: [
      {
        goal: "failover",
        kvcluster: show(both.kvcluster),
        etcd: both.etcd === null ? "–" : show(both.etcd),
        ratio,
      },
    ],
  };
};

export const failoverPart: Part = { name: "failover", title: "The leader is killed", run };
