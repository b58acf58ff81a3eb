/**
 * The schema flattened into a table of settings: one row per value that can be set, with the names
 * it has in a file, in the environment and as a flag.
 */
import Type, { type TSchema } from "typebox";
import { configSchema } from "./schema.ts";

/** One thing that can be set. */
export interface Setting {
  /** As in a file, with dots: `limits.keyBytesMax`. */
  readonly path: string;
  /** `KVCLUSTER_LIMITS_KEY_BYTES_MAX` */
  readonly variable: string;
  /** Without dashes: `limits.keyBytesMax`. */
  readonly flag: string;
  readonly schema: TSchema;
  readonly description: string;
  /** Empty when it has none. */
  readonly unit: string;
  /** undefined: it must be set. */
  readonly default: unknown;
  readonly reloads: boolean;
  /** How a text from the environment or a flag is read. */
  readonly format: "integer" | "text" | "json";
}

/** What every environment variable of a node starts with. */
export const variablePrefix = "KVCLUSTER_";

const toVariable = (path: string): string =>
  variablePrefix +
  path
    .replaceAll(".", "_")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toUpperCase();

const formatOf = (schema: TSchema): Setting["format"] => {
  if (Type.IsInteger(schema)) return "integer";
  return Type.IsArray(schema) ? "json" : "text";
};

/** Reads a word that this project adds to a schema. */
const annotation = (schema: TSchema, word: string): unknown => Reflect.get(schema, word);

const toSetting = (path: string, schema: TSchema): Setting => ({
  path,
  variable: toVariable(path),
  flag: path,
  schema,
  description: String(annotation(schema, "description")),
  unit: String(annotation(schema, "unit")),
  default: annotation(schema, "default"),
  reloads: annotation(schema, "reloads") === true,
  format: formatOf(schema),
});

const flatten = (schema: TSchema, prefix: string): Setting[] => {
  if (!Type.IsObject(schema)) return [toSetting(prefix, schema)];
  return Object.entries(schema.properties).flatMap(([name, property]) =>
    flatten(property, prefix === "" ? name : `${prefix}.${name}`),
  );
};

/** Every setting, in the order of the schema. */
export const settings: readonly Setting[] = flatten(configSchema, "");

const byPath: ReadonlyMap<string, Setting> = new Map(settings.map((row) => [row.path, row]));
const byVariable: ReadonlyMap<string, Setting> = new Map(
  settings.map((row) => [row.variable, row]),
);

/** The setting of a path, undefined when there is none. */
export const settingAt = (path: string): Setting | undefined => byPath.get(path);
/** The setting of an environment variable, undefined when there is none. */
export const settingOfVariable = (variable: string): Setting | undefined =>
  byVariable.get(variable);
/** True for a group of settings such as `limits`. */
export const isSection = (path: string): boolean =>
  settings.some((row) => row.path.startsWith(`${path}.`));

const levenshtein = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The known name nearest to a mistyped one, null when none is near. */
export const nearest = (name: string, known: readonly string[]): string | null => {
  // A name far longer than any setting is no typing error, and the comparison is quadratic.
  if (name.length > 100) return null;
  let best: string | null = null;
  let bestDistance = Math.min(4, Math.ceil(name.length / 3) + 1);
  for (const candidate of known) {
    const distance = levenshtein(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
};
