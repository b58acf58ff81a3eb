/** A system under test: three members as processes of this machine, and what they use of it. */
import { readFileSync } from "node:fs";
import type { Target } from "./protocol.ts";

/** Added to every port, so that two benchmarks can be tried out beside each other. */
export const PORT_OFFSET: number = Number(process.env["BENCH_PORT_OFFSET"] ?? 0);

export interface RunningSystem {
  readonly target: Target;
  /** Of the members, not of what watches over them; in the order of the endpoints. */
  readonly pids: () => readonly number[];
  /** Position of the member that leads; null when they name none or not the same one. */
  leader(): Promise<number | null>;
  /** `kill -9`, at once. */
  kill(member: number): void;
  /** Starts a killed member again, where nothing else does so. */
  revive(member: number): void;
  /** Answers 200 when the member serves. */
  readyUrl(member: number): string;
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

const statusBytes = (pid: number, field: "VmRSS" | "RssAnon"): number => {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
};

/** Resident memory of each process, bytes. */
export const residentBytes = (pids: readonly number[]): readonly number[] =>
  pids.map((pid) => statusBytes(pid, "VmRSS"));

/** The part of it that is no page of a file, which the kernel cannot take back: bytes. */
export const anonymousBytes = (pids: readonly number[]): readonly number[] =>
  pids.map((pid) => statusBytes(pid, "RssAnon"));

/** Milliseconds since a process began, to a hundredth of a second. */
export const processAgeMs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [uptime = "0"] = readFileSync("/proc/uptime", "latin1").split(" ");
  return Number(uptime) * 1000 - (Number(fields[19]) / TICKS_PER_SECOND) * 1000;
};

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

/** Waits until every member is ready and all name one leader. @returns its position */
export const waitForLeader = async (
  running: RunningSystem,
  deadlineMs: number,
): Promise<number> => {
  let leader: number | null = null;
  await waitFor("one leader and all members ready", deadlineMs, async () => {
    const members = running.target.endpoints.map((_, at) => answers(running.readyUrl(at)));
    leader = (await Promise.all(members)).every(Boolean) ? await running.leader() : null;
    return leader !== null;
  });
  if (leader === null) throw new Error("no member leads");
  return leader;
};

/** What all say, when they say the same. */
export const agreed = <T>(said: readonly (T | null)[]): T | null => {
  const [first = null] = said;
  return first !== null && said.every((one) => one === first) ? first : null;
};
