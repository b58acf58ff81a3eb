/** docs/reference/chart-operator.md: every value of the operator's chart, from its schema. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const chart = join(import.meta.dirname, "../../charts/kvcluster-operator");

interface ValueSchema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly $ref?: string;
}

export interface Value {
  readonly path: string;
  readonly schema: ValueSchema;
  /** undefined: values.yaml does not have it. */
  readonly fallback: unknown;
}

export interface ValuesOfChart {
  readonly schema: ValueSchema;
  readonly defaults: Readonly<Record<string, unknown>>;
}

export function readValues(): ValuesOfChart {
  return {
    schema: JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8")),
    defaults: parse(readFileSync(join(chart, "values.yaml"), "utf8")),
  };
}

const within = (values: unknown, name: string): unknown =>
  typeof values === "object" && values !== null
    ? new Map(Object.entries(values)).get(name)
    : undefined;

/** The values that can be set, the innermost that have a name of their own. */
export function* valuesOf(schema: ValueSchema, defaults: unknown, prefix = ""): Iterable<Value> {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`;
    const fallback = within(defaults, name);
    if (property.properties === undefined) yield { path, schema: property, fallback };
    else yield* valuesOf(property, fallback, `${path}.`);
  }
}

function typeOf({ enum: choice, type, $ref, minimum, maximum }: ValueSchema): string {
  if (choice !== undefined) return choice.map((word) => `\`${word}\``).join(" ");
  if ($ref !== undefined) return "object";
  if (minimum !== undefined && maximum !== undefined) return `${minimum} – ${maximum}`;
  return String(type);
}

function show(fallback: unknown): string {
  if (fallback === undefined || fallback === "") return "";
  return `\`${typeof fallback === "string" ? fallback : JSON.stringify(fallback)}\``;
}

function descriptionOf({ schema }: Value, whole: ValueSchema): string {
  const name = schema.$ref?.split("/").at(-1) ?? "";
  const definitions = within(whole, "definitions");
  const referred = within(within(definitions, name), "description");
  return schema.description ?? (typeof referred === "string" ? referred : "");
}

export function valuesReference(): string {
  const { schema, defaults } = readValues();
  const rows = [...valuesOf(schema, defaults)]
    .filter(({ path }) => path !== "global")
    .map((value) => {
      const description = descriptionOf(value, schema);
      if (description === "") throw new Error(`values.schema.json: ${value.path} is not described`);
      const cells = [`\`${value.path}\``, typeOf(value.schema), show(value.fallback), description];
      return `| ${cells.join(" | ")} |`;
    });
  return `<!-- Made by scripts/charts/values-reference.ts from the chart. Do not edit. -->

# Values of the operator's chart

\`charts/kvcluster-operator\`. A value that is not listed here, or of another type, is
refused. How to install with them: [operations/install.md](../operations/install.md).

| Value | Type | Default | Meaning |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}
