/**
 * The operator's own settings: from flags, else from the environment, else their defaults. What is
 * not understood is refused, with its name. The reference page is made from this table.
 */
import { parseArgs } from "node:util";

export interface OperatorSettings {
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  readonly nodeImage: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly operatorLabels: Readonly<Record<string, string>>;
  readonly leaderElection: boolean;
  readonly leaseName: string;
  readonly httpPort: number;
  readonly workers: number;
  readonly resyncSeconds: number;
  readonly stopSeconds: number;
  readonly logLevel: LogLevel;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

/** A setting that is missing, unknown or not understood: exit code 2. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

interface Setting<T> {
  readonly env: string;
  readonly flag: string;
  /** null: must be given. */
  readonly default: string | null;
  readonly meaning: string;
  /** The value, or what would be one. */
  readonly read: (text: string) => T | Fault;
}

class Fault {
  readonly wanted: string;
  constructor(wanted: string) {
    this.wanted = wanted;
  }
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const text =
  (pattern: RegExp, wanted: string) =>
  (value: string): string | Fault =>
    pattern.test(value) ? value : new Fault(wanted);

const whole =
  (min: number, max: number) =>
  (value: string): number | Fault => {
    const isWhole = /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max;
    return isWhole ? Number(value) : new Fault(`a whole number from ${min} to ${max}`);
  };

const split = (value: string): readonly string[] =>
  value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

function readNamespaces(value: string): readonly string[] | Fault {
  const names = [...new Set(split(value))];
  return names.every((name) => dnsLabel.test(name))
    ? names
    : new Fault("names of namespaces, separated by commas");
}

function readLabels(value: string): Readonly<Record<string, string>> | Fault {
  const pairs = split(value).map((pair) => pair.split("="));
  return pairs.every(([name, , more]) => name !== "" && more === undefined) &&
    pairs.every(({ length }) => length === 2)
    ? Object.fromEntries(pairs)
    : new Fault("labels as name=value, separated by commas");
}

function readFlag(value: string): boolean | Fault {
  if (value === "true" || value === "false") return value === "true";
  return new Fault("true or false");
}

const readLevel = (value: string): LogLevel | Fault =>
  logLevels.find((level) => level === value) ?? new Fault(`one of ${logLevels.join(", ")}`);

type Table = { readonly [Name in keyof OperatorSettings]: Setting<OperatorSettings[Name]> };

/** Every setting, in the order of the reference. */
export const settingsTable: Table = {
  watchNamespaces: {
    env: "WATCH_NAMESPACES",
    flag: "watch-namespaces",
    default: "",
    meaning: "Namespaces whose KVClusters are looked after, separated by commas. Empty: all.",
    read: readNamespaces,
  },
  nodeImage: {
    env: "NODE_IMAGE",
    flag: "node-image",
    default: null,
    meaning:
      "Image for the nodes of a KVCluster that is made without `spec.image`. It keeps that " +
      "image: an upgrade of the operator restarts no node.",
    read: text(/^\S{1,500}$/, "the name of an image"),
  },
  podName: {
    env: "POD_NAME",
    flag: "pod-name",
    default: null,
    meaning: "The operator's own pod, for its identity in the Lease and in Events.",
    read: text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "the name of a pod"),
  },
  podNamespace: {
    env: "POD_NAMESPACE",
    flag: "pod-namespace",
    default: null,
    meaning: "The operator's own namespace, which holds the Lease.",
    read: text(dnsLabel, "the name of a namespace"),
  },
  operatorLabels: {
    env: "OPERATOR_LABELS",
    flag: "operator-labels",
    default: "app.kubernetes.io/name=kvcluster-operator",
    meaning: "Labels of the operator's pods: the nodes' NetworkPolicies let such pods in.",
    read: readLabels,
  },
  leaderElection: {
    env: "LEADER_ELECTION",
    flag: "leader-election",
    default: "true",
    meaning: "Act only while holding the Lease. `false` is for one process at a desk.",
    read: readFlag,
  },
  leaseName: {
    env: "LEASE_NAME",
    flag: "lease-name",
    default: "kvcluster-operator",
    meaning: "Name of that Lease.",
    read: text(dnsLabel, "a DNS label"),
  },
  httpPort: {
    env: "HTTP_PORT",
    flag: "http-port",
    default: "8080",
    meaning: "Port of `/livez`, `/readyz`, `/startupz` and `/metrics`. 0: any free port.",
    read: whole(0, 65_535),
  },
  workers: {
    env: "WORKERS",
    flag: "workers",
    default: "4",
    meaning: "KVClusters that are worked on at the same time.",
    read: whole(1, 64),
  },
  resyncSeconds: {
    env: "RESYNC_SECONDS",
    flag: "resync-seconds",
    default: "10",
    meaning: "Each KVCluster is looked at so often, for its nodes announce no change.",
    read: whole(1, 3_600),
  },
  stopSeconds: {
    env: "STOP_SECONDS",
    flag: "stop-seconds",
    default: "8",
    meaning:
      "At SIGTERM, passes under way may take so long to end, at most 9: the Lease is certainly " +
      "ours for 10 s after its last renewal.",
    read: whole(0, 9),
  },
  logLevel: {
    env: "LOG_LEVEL",
    flag: "log-level",
    default: "info",
    meaning: `Lines of this weight and above are logged: ${logLevels.join(", ")}.`,
    read: readLevel,
  },
};

export interface SettingsSources {
  /** Without the program. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @throws SettingsError that names every flag or variable at fault */
export function readSettings(sources: SettingsSources): OperatorSettings {
  const flags = parseFlags(sources.argv);
  const given = <T>({ flag, env, default: fallback }: Setting<T>): string | null =>
    flags[flag] ?? sources.env[env] ?? fallback;
  const faults = Object.values(settingsTable).flatMap((setting) => findFault(setting, given));
  if (faults.length > 0) {
    throw new SettingsError(`the operator's settings are refused:\n  ${faults.join("\n  ")}`);
  }
  const read = <T>(setting: Setting<T>): T => {
    const value = setting.read(given(setting) ?? "");
    if (value instanceof Fault) throw new SettingsError(`${setting.env}: ${value.wanted}`);
    return value;
  };
  const t = settingsTable;
  return {
    watchNamespaces: read(t.watchNamespaces),
    nodeImage: read(t.nodeImage),
    podName: read(t.podName),
    podNamespace: read(t.podNamespace),
    operatorLabels: read(t.operatorLabels),
    leaderElection: read(t.leaderElection),
    leaseName: read(t.leaseName),
    httpPort: read(t.httpPort),
    workers: read(t.workers),
    resyncSeconds: read(t.resyncSeconds),
    stopSeconds: read(t.stopSeconds),
    logLevel: read(t.logLevel),
  };
}

function findFault(
  setting: Setting<unknown>,
  givenTo: (setting: Setting<unknown>) => string | null,
): readonly string[] {
  const given = givenTo(setting);
  const value = given === null ? new Fault("a value") : setting.read(given);
  if (!(value instanceof Fault)) return [];
  const what = given === null ? "is not set" : `is ${JSON.stringify(given)}`;
  return [`${setting.env} (--${setting.flag}) ${what}, wanted: ${value.wanted}`];
}

function parseFlags(argv: readonly string[]): Readonly<Record<string, string | undefined>> {
  const names = Object.values(settingsTable).map(({ flag }) => flag);
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingsError(`${why}\nflags: ${names.map((name) => `--${name}`).join(" ")}`);
  }
}
