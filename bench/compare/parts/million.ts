/** A node with a million keys: its memory at rest, and its restart until it is ready. */
import {
  type BenchContext,
  count,
  elapsed,
  mebibytes,
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
import { fill } from "../fill.ts";
import { measure } from "../run-load.ts";
import {
  anonymousBytes,
  answers,
  processAgeMs,
  type RunningSystem,
  residentBytes,
  waitFor,
  waitForLeader,
} from "../running-system.ts";

const FILL_SECONDS_MAX = 400;
const RESTART_MS_MAX = 120_000;
/**
 * Single puts after the batches, so that neither holds the fill's large log entries any more: both
 * keep the last 5,000 to 10,000 entries.
 */
const SINGLE_PUTS = 20_000;
const SINGLE_PUTS_RATE = 1_000;

interface ManyKeys {
  readonly keys: number;
  readonly fillSeconds: number;
  /** Before the first key. */
  readonly residentEmpty: readonly number[];
  readonly resident: readonly number[];
  readonly anonymous: readonly number[];
  /** From the start of the process to its first 200, ms. */
  readonly restarts: readonly number[];
}

/** Kills a follower, so that no election is part of it. @returns ms from its start to ready */
const restart = async (running: RunningSystem): Promise<number> => {
  const leader = await waitForLeader(running, RESTART_MS_MAX);
  const member = (leader + 1) % running.target.endpoints.length;
  const before = running.pids()[member] ?? 0;
  running.kill(member);
  await waitFor("the killed member to be gone", RESTART_MS_MAX, async () => {
    return !(await answers(running.readyUrl(member)));
  });
  running.revive(member);
  await waitFor("the member to be ready", RESTART_MS_MAX, () => answers(running.readyUrl(member)));
  const pid = running.pids()[member] ?? 0;
  if (pid === before) throw new Error(`process ${pid} is ready though it was killed`);
  return processAgeMs(pid);
};

const explore = async (running: RunningSystem, context: BenchContext): Promise<ManyKeys> => {
  const { sizes, say } = context;
  const { system } = running.target;
  await elapsed(sizes.restSeconds);
  const residentEmpty = residentBytes(running.pids());
  const filled = await fill(running.target, {
    from: 0,
    to: sizes.manyKeys,
    valueBytes: VALUE_BYTES,
    secondsMax: FILL_SECONDS_MAX,
  });
  say(`  ${system}: ${count(filled.to)} keys in ${filled.seconds.toFixed(0)} s`);
  await measure(running, {
    mix: "put",
    connections: 64,
    rate: SINGLE_PUTS_RATE,
    seconds: Math.min(sizes.manyKeys, SINGLE_PUTS) / SINGLE_PUTS_RATE,
    warmUpSeconds: 0,
    keys: filled.to,
    valueBytes: VALUE_BYTES,
  });
  await elapsed(sizes.restSeconds);
  const resident = residentBytes(running.pids());
  const anonymous = anonymousBytes(running.pids());
  const restarts: number[] = [];
  for (let n = 0; n < sizes.restarts; n += 1) restarts.push(await restart(running));
  const ready = median(restarts);
  say(`  ${system}: ${resident.map(mebibytes).join(", ")} MiB; ready after ${rate(ready)} ms`);
  const { to: keys, seconds: fillSeconds } = filled;
  return { keys, fillSeconds, residentEmpty, resident, anonymous, restarts };
};

/** Of the largest member. */
const residentOf = ({ resident }: ManyKeys): number => Math.max(...resident);
const anonymousOf = ({ anonymous }: ManyKeys): number => Math.max(...anonymous);
const readyMsOf = ({ restarts }: ManyKeys): number => median(restarts);

const row = (name: string, one: ManyKeys): string[] => [
  name,
  count(one.keys),
  one.residentEmpty.map(mebibytes).join(", "),
  rate(one.keys / one.fillSeconds),
  one.resident.map(mebibytes).join(", "),
  one.anonymous.map(mebibytes).join(", "),
  rate(readyMsOf(one)),
  rate(Math.max(...one.restarts)),
];

const run = async (context: BenchContext): Promise<PartReport> => {
  const both = await onBoth(context, (running) => explore(running, context));
  const { restSeconds, restarts } = context.sizes;
  const measured = (of: (one: ManyKeys) => number, show: (value: number) => string) => ({
    kvcluster: show(of(both.kvcluster)),
    etcd: both.etcd === null ? "–" : show(of(both.etcd)),
    ratio: ratioOf(both, of),
  });
  const header = [
    ...["", "keys", "MiB resident, empty", "filled, keys/s", "MiB resident", "MiB anonymous"],
    ...["start → ready, ms (median)", "worst"],
  ];
  return {
    text: [
      `${restSeconds} s of rest without a key, then filled in batches of 128 puts of ` +
        `${VALUE_BYTES} bytes, then ${count(SINGLE_PUTS)} single puts, then ${restSeconds} s of ` +
        "rest. Resident memory holds pages of files that the kernel can take back (etcd maps its " +
        "database); anonymous memory does not. Then a " +
        `follower is killed ${restarts} times (kill -9); the time runs from the start of its ` +
        "next process to the first 200 of its `/readyz` (etcd: `/health`).",
      table(header, [
        row("KVCluster", both.kvcluster),
        ...(both.etcd === null ? [] : [row("etcd", both.etcd)]),
        [
          ...["ratio", "", "", "", showRatio(ratioOf(both, residentOf))],
          ...[showRatio(ratioOf(both, anonymousOf)), showRatio(ratioOf(both, readyMsOf)), ""],
        ],
      ]),
    ].join("\n\n"),
    measurements: [
      { goal: "memory", ...measured(residentOf, mebibytes) },
      { goal: "anonymousMemory", ...measured(anonymousOf, mebibytes) },
      { goal: "restart", ...measured(readyMsOf, rate) },
    ],
  };
};

export const millionPart: Part = { name: "million", title: "A million keys at rest", run };
