/** A system under test: three members as processes of this machine, and what they use of it. */
import { readFileSync } from "node:fs";
import type { Target } from "./protocol.ts";

export interface RunningSystem {
  readonly target: Target;
  /** Of the members, not of what watches over them. */
  readonly pids: () => readonly number[];
  stop(): Promise<void>;
}

/** Clock ticks per second of /proc, which Linux fixes for user space. */
const TICKS_PER_SECOND = 100;

/** CPU seconds (user and system) that the processes have used since they began. */
export const cpuSeconds = (pids: readonly number[]): number => {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
};

/** Resident memory of each process, bytes. */
export const residentBytes = (pids: readonly number[]): readonly number[] =>
  pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  });

/** Asks `probe` until it answers true. @throws Error naming `what` after the deadline. */
export const waitFor = async (
  what: string,
  deadlineMs: number,
  probe: () => Promise<boolean>,
): Promise<number> => {
  const startedAt = performance.now();
  for (;;) {
    if (await probe()) return performance.now() - startedAt;
    if (performance.now() - startedAt > deadlineMs) {
      throw new Error(`${what} did not come about within ${deadlineMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** True when the address answers `GET` with a success. */
export const answers = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
};
