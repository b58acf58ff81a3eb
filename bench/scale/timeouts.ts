/** The driver's options as a node of `make run` has them, with other times for elections. */
import { loadConfig } from "../../node/src/config/index.ts";
import { replicaOptions } from "../../node/src/replica-settings.ts";
import type { Model } from "./model.ts";

export interface Timeouts {
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
}

/** What must be named and has no meaning here. */
const REQUIRED: readonly string[] = [
  ...["--name", "node-1", "--dataFolder", "/data", "--keyRingFile", "/ring"],
  ...["--peers.secretFile", "/secret"],
  "--auth.keys",
  JSON.stringify([
    {
      ...{ name: "key", algorithm: "HS256", file: "/key", issuer: "issuer" },
      ...{ audiences: ["audience"], grants: "trusted" },
    },
  ]),
];

const configWith = (flags: readonly string[]): ReturnType<typeof loadConfig> =>
  loadConfig({
    argv: [...REQUIRED, ...flags],
    env: {},
    readFile: (path) => {
      throw new Error(`nothing is read here, not ${path} either`);
    },
  });

export const DEFAULT_TIMEOUTS: Timeouts = configWith([]).raft;

/** Ten round trips of 30 ms, and a heartbeat for each. */
const FIT_FOR_30_MS: Timeouts = { tickMs: 10, electionTimeoutMs: 300, heartbeatIntervalMs: 30 };
/** For one building, not for 30 ms: what goes wrong there shows in the last column. */
const FIT_FOR_1_MS: Timeouts = { tickMs: 10, electionTimeoutMs: 100, heartbeatIntervalMs: 20 };

export const TIMEOUTS: readonly Timeouts[] = [DEFAULT_TIMEOUTS, FIT_FOR_30_MS, FIT_FOR_1_MS];

export const describe = (timeouts: Timeouts): string => {
  const { electionTimeoutMs, heartbeatIntervalMs, tickMs } = timeouts;
  const times = `${electionTimeoutMs} / ${heartbeatIntervalMs} / ${tickMs}`;
  return timeouts === DEFAULT_TIMEOUTS ? `${times} (default)` : times;
};

export const optionsWith = (timeouts: Timeouts): Model["options"] => {
  const { tickMs, electionTimeoutMs, heartbeatIntervalMs } = timeouts;
  const { origin: _, ...options } = replicaOptions(
    configWith([
      ...["--raft.tickMs", String(tickMs)],
      ...["--raft.electionTimeoutMs", String(electionTimeoutMs)],
      ...["--raft.heartbeatIntervalMs", String(heartbeatIntervalMs)],
    ]),
  );
  return options;
};
