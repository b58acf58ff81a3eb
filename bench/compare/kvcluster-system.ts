/** KVCluster as a user starts it: `make run`'s launcher on ports and a folder of its own. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { agreed, answers, PORT_OFFSET, type RunningSystem, waitFor } from "./running-system.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
/** Built by `make bench`, as for `make run`. */
const LAUNCHER = "client/dist/local/main.js";
const START_MS = 120_000;
const STOP_MS = 30_000;
export const NODES: readonly number[] = [1, 2, 3];

/** Which build runs, where and how; by default this checkout's on the usual ports. */
export interface KvClusterChoice {
  /** Folder of a checkout that `make build` was run in. */
  readonly checkout?: string;
  /** Added to every port. */
  readonly portOffset?: number;
  /** Settings of the nodes. */
  readonly env?: Readonly<Record<string, string>>;
}

const HTTP_PORT_BASE = 25_000;

const portsAt = (offset: number): Readonly<Record<string, string>> => ({
  HTTP_PORT_BASE: String(HTTP_PORT_BASE + offset),
  PEER_PORT_BASE: String(25_100 + offset),
  METRICS_PORT_BASE: String(28_000 + offset),
  BALANCER_PORT: String(26_000 + offset),
});

export const nodePid = (folder: string, id: number): number =>
  Number(readFileSync(join(folder, `node-${id}`, "pid"), "latin1").split(/\s/)[0]);

/** The position of the node that a node takes for the leader; null when it knows none. */
const leaderAccordingTo = async (endpoint: string, token: string): Promise<number | null> => {
  try {
    const answer = await fetch(`http://${endpoint}/v1/cluster`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(1000),
    });
    const { leader }: { leader?: { name: string } | null } = JSON.parse(await answer.text());
    const id = Number(/\d+$/.exec(leader?.name ?? "")?.[0]);
    return NODES.includes(id) ? NODES.indexOf(id) : null;
  } catch {
    return null;
  }
};

/** @param folder where data and secrets go; data that is there is found again */
export const startKvCluster = async (
  folder: string,
  choice: KvClusterChoice = {},
): Promise<RunningSystem> => {
  const { checkout = CHECKOUT, portOffset = PORT_OFFSET, env = {} } = choice;
  const program = join(checkout, LAUNCHER);
  const settings = { ...portsAt(portOffset), KV_DATA: folder, NODES: String(NODES.length) };
  const readyUrl = (id: number): string =>
    `http://127.0.0.1:${HTTP_PORT_BASE + portOffset + id}/readyz`;
  const launcher = spawn(process.execPath, ["--conditions=kvcluster-dist", program], {
    env: { ...process.env, ...env, ...settings },
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
  const endpoints = NODES.map((id) => `127.0.0.1:${HTTP_PORT_BASE + portOffset + id}`);
  const pidOf = (member: number): number => nodePid(folder, NODES[member] ?? 0);
  return {
    target: { system: "kvcluster", endpoints, token },
    pids: () => NODES.map((id) => nodePid(folder, id)),
    leader: async () =>
      agreed(await Promise.all(endpoints.map((one) => leaderAccordingTo(one, token)))),
    kill: (member) => void process.kill(pidOf(member), "SIGKILL"),
    // The launcher does it, after a pause.
    revive: () => undefined,
    readyUrl: (member) => readyUrl(NODES[member] ?? 0),
    stop,
  };
};
