/** CPU time of the threads of a process by name, from Linux' /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** CPU seconds (user and system) by name of thread; threads of one name are added up. */
export type ThreadTimes = ReadonlyMap<string, number>;

const TICKS_PER_SECOND = 100;

/** Threads that ended meanwhile are left out. */
export const threadSeconds = (pid: number): ThreadTimes => {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = statOf(pid, thread);
    if (stat === null) continue;
    const isMain = thread === String(pid);
    const name = isMain ? "main" : stat.name;
    times.set(name, (times.get(name) ?? 0) + stat.seconds);
  }
  return times;
};

const statOf = (pid: number, thread: string): { name: string; seconds: number } | null => {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { name: stat.slice(stat.indexOf("(") + 1, end), seconds: ticks / TICKS_PER_SECOND };
};
