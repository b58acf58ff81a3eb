/**
 * Reads settings from a file, the environment and flags. Each value stays with the place it came
 * from, so that every refusal can name both. Knows nothing of what the settings mean.
 */
import { parseArgs } from "node:util";
import { parseDocument } from "yaml";
import {
  isSection,
  nearest,
  type Setting,
  settingAt,
  settingOfVariable,
  settings,
  variablePrefix,
} from "./settings.ts";

/** A value as it was given, with where. */
export interface Given {
  readonly setting: Setting;
  readonly value: unknown;
  /** For people: `flag --limits.keyBytesMax`. */
  readonly source: string;
}

/** What one source gave, and what is wrong with it. */
export interface SourceResult {
  readonly given: readonly Given[];
  readonly problems: readonly string[];
}

/** Longest configuration file, bytes. */
export const configFileBytesMax = 1_048_576;

const suggest = (
  name: string,
  known: readonly string[],
  show: (name: string) => string,
): string => {
  const near = nearest(name, known);
  return near === null ? "" : ` (did you mean ${show(near)}?)`;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function flattenFile(
  value: Readonly<Record<string, unknown>>,
  prefix: string,
  result: { readonly given: Given[]; readonly problems: string[]; readonly source: string },
): void {
  for (const [name, inner] of Object.entries(value)) {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const setting = settingAt(path);
    if (setting !== undefined) {
      result.given.push({ setting, value: inner, source: result.source });
    } else if (isSection(path) && isObject(inner)) {
      flattenFile(inner, path, result);
    } else if (isSection(path)) {
      result.problems.push(`${path}: is a section and needs settings in it (${result.source})`);
    } else {
      const known = settings.map((row) => row.path);
      const hint = suggest(path, known, (near) => near);
      result.problems.push(`${path}: unknown setting${hint} (${result.source})`);
    }
  }
}

/** Settings of a YAML or JSON file. */
export function fromFile(path: string, content: string): SourceResult {
  const source = `file ${path}`;
  if (content.length > configFileBytesMax) {
    return { given: [], problems: [`${source}: longer than ${configFileBytesMax} bytes`] };
  }
  // YAML 1.2 contains JSON. Aliases are refused: nobody needs them here, and they can blow up.
  const document = parseDocument(content, { uniqueKeys: true, version: "1.2" });
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) {
    return { given: [], problems: wrong.map((error) => `${source}: ${error.message}`) };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    return { given: [], problems: [`${source}: ${String(cause)}`] };
  }
  if (value === null) return { given: [], problems: [] };
  if (!isObject(value)) {
    return { given: [], problems: [`${source}: must hold settings by name, such as "name: a"`] };
  }
  const result = { given: [], problems: [], source };
  flattenFile(value, "", result);
  return result;
}

/** A text as the setting's type; stays a text when it cannot be read, and the schema refuses it. */
const parseText = (setting: Setting, value: string): unknown => {
  switch (setting.format) {
    case "text":
      return value;
    case "integer":
      return /^-?\d{1,16}$/.test(value) ? Number(value) : value;
    case "json":
      try {
        return JSON.parse(value);
      } catch {
        // Not lost: the text itself goes on, and the schema says that it is no list.
        return value;
      }
  }
};

/**
 * Kubernetes gives every pod such variables for each Service of its namespace; a Service named
 * `kvcluster` makes them start with our prefix.
 */
const serviceLink = /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|^KVCLUSTER(_[A-Z0-9_]+)?_PORT(_\d+_\w+)?$/;

/** Settings of the environment: `KVCLUSTER_…`. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): SourceResult {
  const given: Given[] = [];
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(variablePrefix) || value === undefined) continue;
    if (variable === configVariable || serviceLink.test(variable)) continue;
    const setting = settingOfVariable(variable);
    if (setting === undefined) {
      const known = settings.map((row) => row.variable);
      const hint = suggest(variable, known, (near) => near);
      problems.push(`${variable}: unknown setting${hint} (environment)`);
    } else {
      const source = `environment ${variable}`;
      given.push({ setting, value: parseText(setting, value), source });
    }
  }
  return { given, problems };
}

/** Names the configuration file, as the flag `--config` does. */
export const configVariable: string = `${variablePrefix}CONFIG`;

/** What the command line says. */
export interface Flags extends SourceResult {
  /** Path of `--config`, null when not given. */
  readonly configFile: string | null;
}

const flagOptions: Record<string, { type: "string"; multiple: true }> = Object.fromEntries(
  ["config", ...settings.map((row) => row.flag)].map((flag) => [
    flag,
    { type: "string", multiple: true } as const,
  ]),
);

/** Settings of the command line: `--limits.keyBytesMax 1024` or `--limits.keyBytesMax=1024`. */
export function fromFlags(argv: readonly string[]): Flags {
  const given: Given[] = [];
  const problems: string[] = [];
  let configFile: string | null = null;
  const seen = new Set<string>();
  const { tokens } = parseArgs({
    args: [...argv],
    options: flagOptions,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") {
      const shown = token.kind === "positional" ? token.value : "--";
      problems.push(`${shown}: not a flag; settings are --name value (command line)`);
      continue;
    }
    const source = `flag ${token.rawName}`;
    if (seen.has(token.name)) problems.push(`${token.name}: given twice (${source})`);
    seen.add(token.name);
    const setting = settingAt(token.name);
    if (token.name !== "config" && setting === undefined) {
      const known = ["config", ...settings.map((row) => row.flag)];
      const hint = suggest(token.name, known, (near) => `--${near}`);
      problems.push(`${token.rawName}: unknown setting${hint} (command line)`);
    } else if (token.value === undefined) {
      problems.push(`${token.name}: needs a value (${source})`);
    } else if (setting === undefined) {
      configFile = token.value;
    } else {
      given.push({ setting, value: parseText(setting, token.value), source });
    }
  }
  return { given, problems, configFile };
}
