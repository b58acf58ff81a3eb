/** Three members of etcd as processes, with its own defaults: fsync on, no TLS, no auth. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync } from "node:fs";
import { delimiter, join } from "node:path";
import { answers, type RunningSystem, waitFor } from "./running-system.ts";

const CLIENT_PORT_BASE = 25_200;
const PEER_PORT_BASE = 25_300;
const MEMBERS: readonly number[] = [1, 2, 3];
const START_MS = 60_000;
const STOP_MS = 20_000;

/** From `ETCD`, the PATH, or the lab's binaries; null when there is none. */
export const findEtcd = (): string | null => {
  const lab = process.env["LAB_HOME"] ?? "/var/lib/kvlab";
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(lab, "bin")];
  const named = process.env["ETCD"];
  const candidates = named === undefined ? folders.map((dir) => join(dir, "etcd")) : [named];
  return candidates.find((path) => existsSync(path)) ?? null;
};

/** For example `etcd Version: 3.7.0`. */
export const etcdVersion = (binary: string): string =>
  execFileSync(binary, ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";

const url = (base: number, id: number): string => `http://127.0.0.1:${base + id}`;

const memberArguments = (folder: string, id: number): string[] => [
  ...["--name", `m${id}`, "--data-dir", join(folder, `m${id}`)],
  ...["--listen-client-urls", url(CLIENT_PORT_BASE, id)],
  ...["--advertise-client-urls", url(CLIENT_PORT_BASE, id)],
  ...["--listen-peer-urls", url(PEER_PORT_BASE, id)],
  ...["--initial-advertise-peer-urls", url(PEER_PORT_BASE, id)],
  ...["--initial-cluster", MEMBERS.map((m) => `m${m}=${url(PEER_PORT_BASE, m)}`).join(",")],
  ...["--initial-cluster-state", "new", "--log-level", "warn"],
  // A benchmark fills the default quota of 2 GiB.
  ...["--quota-backend-bytes", String(8 * 1024 ** 3)],
];

const end = async (member: ChildProcess): Promise<void> => {
  if (member.exitCode !== null || member.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => member.once("exit", () => resolve()));
  member.kill("SIGTERM");
  const killer = setTimeout(() => member.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(killer);
};

export const startEtcd = async (binary: string, folder: string): Promise<RunningSystem> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const members = MEMBERS.map((id) => {
    const log = openSync(join(folder, `m${id}.log`), "a", 0o600);
    return spawn(binary, memberArguments(folder, id), { stdio: ["ignore", log, log] });
  });
  const stop = async (): Promise<void> => {
    await Promise.all(members.map(end));
  };
  try {
    await waitFor("etcd to be ready", START_MS, async () => {
      const ready = MEMBERS.map((id) => answers(`${url(CLIENT_PORT_BASE, id)}/health`));
      return (await Promise.all(ready)).every(Boolean);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const endpoints = MEMBERS.map((id) => `127.0.0.1:${CLIENT_PORT_BASE + id}`);
  const pids = members.map((member) => member.pid ?? 0);
  return { target: { endpoints, token: "" }, pids: () => pids, stop };
};
