/** Runs one load in a process of its own and adds what the members used meanwhile. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type LoadOrder, type LoadResult, orderArguments, TOKEN_VARIABLE } from "./load-order.ts";
import { cpuSeconds, type RunningSystem, residentBytes } from "./running-system.ts";

const LOAD = fileURLToPath(new URL("./load.ts", import.meta.url));
const run = promisify(execFile);

export interface Measured extends LoadResult {
  /** CPU of all members per request, warm-up included in both, microseconds. */
  readonly memberCpuMicros: number;
  /** Of the largest member after the run, bytes. */
  readonly residentBytes: number;
}

/** @throws Error when more requests failed than a run can bear, with the first failure */
export const measure = async (
  running: RunningSystem,
  order: Omit<LoadOrder, "target">,
): Promise<Measured> => {
  const cpuBefore = cpuSeconds(running.pids());
  const { stdout } = await run(
    process.execPath,
    [LOAD, ...orderArguments({ ...order, target: running.target })],
    { env: { ...process.env, [TOKEN_VARIABLE]: running.target.token } },
  );
  const result: LoadResult = JSON.parse(stdout);
  const cpu = cpuSeconds(running.pids()) - cpuBefore;
  const requests = result.perSecond * (result.seconds + order.warmUpSeconds);
  return {
    ...result,
    memberCpuMicros: (cpu / requests) * 1e6,
    residentBytes: Math.max(...residentBytes(running.pids())),
  };
};

/** A mixed load before the first measured one: servers run for long. */
export const warmUp = async (running: RunningSystem, seconds: number): Promise<void> => {
  await measure(running, {
    mix: "9:1",
    connections: 64,
    seconds,
    warmUpSeconds: 0,
    keys: 100_000,
    valueBytes: 256,
  });
};
