/**
 * Puts a node's configuration together: defaults, then file, then environment, then flags. Refuses
 * everything unknown, out of bounds or contradictory at once, naming setting and source.
 */
import Type, { type TSchema } from "typebox";
import Value from "typebox/value";
import { contradictions } from "./contradictions.ts";
import { configSchema } from "./schema.ts";
import { type Setting, settings } from "./settings.ts";
import {
  configVariable,
  fromEnvironment,
  fromFile,
  fromFlags,
  type Given,
  type SourceResult,
} from "./sources.ts";
import type { Config } from "./types.ts";

/** Where settings come from. */
export interface ConfigInput {
  /** Without the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @throws any Error when the file cannot be read */
  readonly readFile: (path: string) => string;
}

/** Everything that is wrong, each line naming a setting and its source. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the configuration is refused:\n${problems.map((line) => `  ${line}`).join("\n")}`);
    this.problems = problems;
  }
}

function readConfigFile(path: string, readFile: ConfigInput["readFile"]): SourceResult {
  try {
    return fromFile(path, readFile(path));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { given: [], problems: [`file ${path}: cannot be read: ${why}`] };
  }
}

/** A value for a message: short, and never the content of a long one. */
const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
};

const boundsOf = (setting: Setting): string => {
  const minimum: unknown = Reflect.get(setting.schema, "minimum");
  const maximum: unknown = Reflect.get(setting.schema, "maximum");
  if (minimum === undefined || maximum === undefined) return "";
  const unit = setting.unit === "" ? "" : ` ${setting.unit}`;
  return `a whole number from ${minimum} to ${maximum}${unit}`;
};

function checkOne({ setting, value, source }: Given): string | null {
  if (Value.Check(setting.schema, value)) return null;
  const bounds = boundsOf(setting);
  const [first] = Value.Errors(setting.schema, value);
  const where = first?.instancePath.replaceAll("/", ".") ?? "";
  const why = bounds === "" ? (first?.message ?? "is not valid") : `must be ${bounds}`;
  return `${setting.path}${where}: ${why}, not ${show(value)} (${source})`;
}

/** Later sources win; the values are those of the leaves only. */
function merge(given: readonly Given[]): Map<string, Given> {
  const merged = new Map<string, Given>();
  for (const setting of settings) {
    if (setting.default === undefined) continue;
    merged.set(setting.path, { setting, value: setting.default, source: "default" });
  }
  for (const one of given) merged.set(one.setting.path, one);
  return merged;
}

/** The nested object that the schema describes, from its leaves. */
function nest(schema: TSchema, prefix: string, merged: ReadonlyMap<string, Given>): unknown {
  if (!Type.IsObject(schema)) return merged.get(prefix)?.value;
  return Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [
      name,
      nest(property, prefix === "" ? name : `${prefix}.${name}`, merged),
    ]),
  );
}

/** An address that others could connect to: a host of its own, and a port that is known. */
const isReachable = (hostPort: string): boolean =>
  !/^(0\.0\.0\.0|\[::\]|\[0*(:0*)+\]):/.test(hostPort) && !hostPort.endsWith(":0");

/**
 * Where others reach this node, when it is not said, is where it listens. With port 0 it is not
 * known yet: the address stays empty until the listener has its port.
 */
function withAdvertised(config: Config): Config {
  const { advertise, listen } = config;
  const peer = isReachable(listen.peer) ? listen.peer : "";
  const client = isReachable(listen.http) ? `http://${listen.http}` : "";
  return {
    ...config,
    advertise: {
      peerAddress: advertise.peerAddress === "" ? peer : advertise.peerAddress,
      clientAddress: advertise.clientAddress === "" ? client : advertise.clientAddress,
    },
  };
}

/** The configuration, or everything that is wrong with it. @throws ConfigError */
export function loadConfig({ argv, env, readFile }: ConfigInput): Config {
  const flags = fromFlags(argv);
  const configFile = flags.configFile ?? env[configVariable] ?? null;
  const file: SourceResult =
    configFile === null ? { given: [], problems: [] } : readConfigFile(configFile, readFile);
  const environment = fromEnvironment(env);
  const sources = [file, environment, flags];
  const merged = merge(sources.flatMap((source) => source.given));
  const problems = sources.flatMap((source) => source.problems);
  for (const setting of settings) {
    const one = merged.get(setting.path);
    const wrong =
      one === undefined
        ? `${setting.path}: must be set, by --${setting.flag} or ${setting.variable}`
        : checkOne(one);
    if (wrong !== null) problems.push(wrong);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const config = nest(configSchema, "", merged);
  // Each leaf was checked against its own schema, so the whole must fit: an assertion.
  if (!Value.Check(configSchema, config)) throw new Error("settings and schema do not agree");
  const contradicting = contradictions(config).map(({ paths, why }) => {
    const from = paths.map((path) => `${path} from ${merged.get(path)?.source ?? "default"}`);
    return `${why} (${from.join(", ")})`;
  });
  if (contradicting.length > 0) throw new ConfigError(contradicting);
  return withAdvertised(config);
}

/**
 * Every setting with its value, for the log at start and for `/v1/status`. Settings hold no
 * secrets, only names of files that do; credentials in an address are refused by the schema.
 */
export function effectiveConfig(config: Config): { readonly [setting: string]: unknown } {
  return Object.fromEntries(
    settings.map(({ path }) => {
      const value = path
        .split(".")
        .reduce<unknown>((inner, name) => Reflect.get(Object(inner), name), config);
      return [path, value];
    }),
  );
}
