/** Three members of etcd as processes, with its own defaults: fsync on, no TLS, no auth. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { delimiter, join } from "node:path";
import { agreed, answers, PORT_OFFSET, type RunningSystem, waitFor } from "./running-system.ts";

const CLIENT_PORT_BASE = 25_200 + PORT_OFFSET;
const PEER_PORT_BASE = 25_300 + PORT_OFFSET;
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

const spawnMember = (binary: string, folder: string, id: number): ChildProcess => {
  const log = openSync(join(folder, `m${id}.log`), "a", 0o600);
  const member = spawn(binary, memberArguments(folder, id), { stdio: ["ignore", log, log] });
  closeSync(log);
  return member;
};

/** What a member says of itself and of the leader: ids. */
const statusOf = async (id: number): Promise<{ self: string; leader: string } | null> => {
  try {
    const answer = await fetch(`${url(CLIENT_PORT_BASE, id)}/v3/maintenance/status`, {
      method: "POST",
      body: "{}",
      signal: AbortSignal.timeout(1000),
    });
    const { header, leader }: { header: { member_id: string }; leader: string } = JSON.parse(
      await answer.text(),
    );
    return { self: header.member_id, leader };
  } catch {
    return null;
  }
};

const findLeader = async (): Promise<number | null> => {
  const said = await Promise.all(MEMBERS.map(statusOf));
  const leader = agreed(said.map((status) => status?.leader ?? null));
  const at = said.findIndex((status) => status?.self === leader);
  return leader === null || at === -1 ? null : at;
};

export const startEtcd = async (binary: string, folder: string): Promise<RunningSystem> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const members = MEMBERS.map((id) => spawnMember(binary, folder, id));
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
  return {
    target: { system: "etcd", endpoints, token: "" },
    pids: () => members.map((member) => member.pid ?? 0),
    leader: findLeader,
    kill: (member) => void members[member]?.kill("SIGKILL"),
    revive: (member) => {
      members[member] = spawnMember(binary, folder, MEMBERS[member] ?? 0);
    },
    readyUrl: (member) => `${url(CLIENT_PORT_BASE, MEMBERS[member] ?? 0)}/health`,
    stop,
  };
};
