/** KVCluster as a user starts it: `make run`'s launcher on ports and a folder of its own. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answers, type RunningSystem, waitFor } from "./running-system.ts";

/** Built by `make bench`, as for `make run`. */
const LAUNCHER = fileURLToPath(new URL("../../client/dist/local/main.js", import.meta.url));
export const HTTP_PORT_BASE = 25_000;
const START_MS = 120_000;
const STOP_MS = 30_000;
export const NODES: readonly number[] = [1, 2, 3];

const ports = {
  HTTP_PORT_BASE: String(HTTP_PORT_BASE),
  PEER_PORT_BASE: "25100",
  METRICS_PORT_BASE: "28000",
  BALANCER_PORT: "26000",
};

export const readyUrl = (id: number): string => `http://127.0.0.1:${HTTP_PORT_BASE + id}/readyz`;

export const nodePid = (folder: string, id: number): number =>
  Number(readFileSync(join(folder, `node-${id}`, "pid"), "latin1").split(/\s/)[0]);

/** @param folder where data and secrets go; data that is there is found again */
export const startKvCluster = async (folder: string): Promise<RunningSystem> => {
  const launcher = spawn(process.execPath, ["--conditions=kvcluster-dist", LAUNCHER], {
    env: { ...process.env, ...ports, KV_DATA: folder, NODES: String(NODES.length) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  launcher.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const ended = new Promise<void>((resolve) => launcher.once("exit", () => resolve()));
  const isUp = async (): Promise<boolean> => {
    if (launcher.exitCode !== null) throw new Error(`make run ended:\n${printed}`);
    const ready = await Promise.all(NODES.map((id) => answers(readyUrl(id))));
    return printed.includes("Ctrl-C stops everything") && ready.every(Boolean);
  };
  const stop = async (): Promise<void> => {
    launcher.kill("SIGINT");
    const killer = setTimeout(() => launcher.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(killer);
  };
  try {
    await waitFor("KVCluster to be ready", START_MS, isUp);
  } catch (error) {
    await stop();
    throw error;
  }
  const token = readFileSync(join(folder, "token"), "utf8").trim();
  const endpoints = NODES.map((id) => `127.0.0.1:${HTTP_PORT_BASE + id}`);
  return { target: { endpoints, token }, pids: () => NODES.map((id) => nodePid(folder, id)), stop };
};
