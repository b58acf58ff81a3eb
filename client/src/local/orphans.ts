/**
 * Nodes that an earlier launcher left behind because it was killed: found by their pid file, known
 * by their command line, stopped before their ports and data are wanted again.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { LaunchError, systemCodeOf } from "./launch-error.ts";
import type { LocalNode } from "./launch-settings.ts";

const STOP_GRACE_MS = 15_000;
const POLL_MS = 50;

/** Stops what is left of earlier runs. @throws LaunchError when one does not stop */
export async function stopOrphans(
  nodes: readonly LocalNode[],
  say: (line: string) => void,
): Promise<void> {
  for (const node of nodes) {
    const pid = orphanOf(node);
    if (pid === null) continue;
    say(`${node.name} still runs from an earlier start (process ${pid}); stopping it`);
    await stopProcess(pid, node);
    rmSync(node.pidFile, { force: true });
  }
}

/** The process of the pid file, if it lives and is that node: pids are used again by others. */
function orphanOf(node: LocalNode): number | null {
  if (!existsSync(node.pidFile)) return null;
  const pid = Number(readFileSync(node.pidFile, "utf8").trim());
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  return commandLineOf(pid).includes(node.configFile) ? pid : null;
}

/** Empty when there is no such process. */
function commandLineOf(pid: number): string {
  const file = `/proc/${pid}/cmdline`;
  try {
    if (existsSync("/proc/self/cmdline")) return readFileSync(file, "utf8");
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  } catch {
    // No such process, which is what was asked.
    return "";
  }
}

/** False when the process is gone. */
function signal(pid: number, name: "SIGTERM" | "SIGKILL" | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "ESRCH") return false;
    throw error;
  }
}

async function stopProcess(pid: number, node: LocalNode): Promise<void> {
  signal(pid, "SIGTERM");
  if (await isGone(pid, STOP_GRACE_MS)) return;
  signal(pid, "SIGKILL");
  if (await isGone(pid, STOP_GRACE_MS)) return;
  throw new LaunchError(`process ${pid} of ${node.name} cannot be stopped; end it yourself`);
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  // A zombie whose parent is gone is reaped by init; its command line is empty before that.
  while (signal(pid, 0) && commandLineOf(pid) !== "") {
    if (performance.now() > deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
