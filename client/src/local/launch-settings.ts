/** The environment that `make run` reads: how many nodes, which ports, which folder. Pure. */
import { resolve } from "node:path";
import { LaunchError } from "./launch-error.ts";

export interface LaunchSettings {
  /** null: as many as the data folder already has, or the default. */
  readonly nodes: number | null;
  readonly dataFolder: string;
  readonly httpPortBase: number;
  readonly peerPortBase: number;
  readonly metricsPortBase: number;
  readonly balancerPort: number;
}

export const NODES_DEFAULT = 3;
/** More than nine on one machine prove nothing; the ports of two kinds must not meet either. */
export const NODES_MAX = 9;

const variables = {
  NODES: "how many nodes, 1 to 9 (default 3, or as many as the data folder has)",
  KV_DATA: "the data folder (default .data)",
  HTTP_PORT_BASE: "node N answers HTTP on this + N (default 5000)",
  PEER_PORT_BASE: "node N talks to the others on this + N (default 5100)",
  METRICS_PORT_BASE: "node N shows metrics on this + N (default 8000)",
  BALANCER_PORT: "the balancer's port (default 6000)",
} as const;

export type LaunchVariable = keyof typeof variables;

/** `NAME  meaning` lines. */
export const variablesHelp = (): string =>
  Object.entries(variables)
    .map(([name, meaning]) => `  ${name.padEnd(18)} ${meaning}`)
    .join("\n");

type Environment = Readonly<Record<string, string | undefined>>;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function readNumber(env: Environment, name: LaunchVariable, bounds: Bounds): number | null {
  const text = env[name]?.trim() ?? "";
  if (text === "") return null;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= bounds.min && value <= bounds.max) return value;
  const range = `from ${bounds.min} to ${bounds.max}`;
  throw new LaunchError(`${name} must be a whole number ${range}, not ${JSON.stringify(text)}`);
}

const base: Bounds = { min: 1, max: 65_535 - NODES_MAX };

/** @throws LaunchError naming the variable */
export function readLaunchSettings(env: Environment, cwd: string): LaunchSettings {
  const folder = env["KV_DATA"]?.trim() ?? "";
  return {
    nodes: readNumber(env, "NODES", { min: 1, max: NODES_MAX }),
    dataFolder: resolve(cwd, folder === "" ? ".data" : folder),
    httpPortBase: readNumber(env, "HTTP_PORT_BASE", base) ?? 5_000,
    peerPortBase: readNumber(env, "PEER_PORT_BASE", base) ?? 5_100,
    metricsPortBase: readNumber(env, "METRICS_PORT_BASE", base) ?? 8_000,
    balancerPort: readNumber(env, "BALANCER_PORT", { min: 1, max: 65_535 }) ?? 6_000,
  };
}

/** One node of the local cluster: its name, addresses and files. */
export interface LocalNode {
  readonly id: number;
  readonly name: string;
  readonly httpPort: number;
  readonly peerPort: number;
  readonly metricsPort: number;
  readonly clientAddress: string;
  readonly peerAddress: string;
  /** Everything of this node; its data is in `data/` below. */
  readonly folder: string;
  readonly dataFolder: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly pidFile: string;
}

/** Everything listens here only: the local cluster is for this machine. */
export const LOCAL_HOST = "127.0.0.1";

export const nodeName = (id: number): string => `node-${id}`;

export function describeNode(settings: LaunchSettings, id: number): LocalNode {
  const name = nodeName(id);
  const folder = resolve(settings.dataFolder, name);
  const httpPort = settings.httpPortBase + id;
  const peerPort = settings.peerPortBase + id;
  return {
    id,
    name,
    httpPort,
    peerPort,
    metricsPort: settings.metricsPortBase + id,
    clientAddress: `http://${LOCAL_HOST}:${httpPort}`,
    peerAddress: `${LOCAL_HOST}:${peerPort}`,
    folder,
    dataFolder: resolve(folder, "data"),
    configFile: resolve(folder, "config.yaml"),
    logFile: resolve(folder, "log"),
    pidFile: resolve(folder, "pid"),
  };
}
