/**
 * The schema of the values of charts/kvcluster: `spec` is the resource's own, so that a misspelt
 * or illegal field fails in Helm already. Owns the way from OpenAPI as in a definition to JSON
 * Schema draft 7 as Helm reads it.
 */
import { parseDefinition } from "./definition-template.ts";

interface Schema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}

/** Keywords that mean the same in both; the rest is the API server's business (CEL above all). */
const shared = [
  ...["description", "type", "format", "enum", "pattern", "default"],
  ...["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties"],
  ...["maxProperties", "uniqueItems"],
];

/** What a field has that the API server fills in need not be given. */
function requiredOf({ required = [], properties = {} }: Schema): readonly string[] {
  return required.filter((name) => properties[name]?.default === undefined);
}

function objectKeywords(schema: Schema): Record<string, unknown> {
  const { properties, additionalProperties } = schema;
  if (additionalProperties !== undefined && typeof additionalProperties === "object") {
    return { additionalProperties: toJsonSchema(additionalProperties) };
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === true || additionalProperties === true) {
    return {};
  }
  if (properties === undefined) return {};
  const required = requiredOf(schema);
  return {
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, toJsonSchema(property)]),
    ),
    ...(required.length === 0 ? {} : { required }),
  };
}

export function toJsonSchema(schema: Schema): Schema {
  const kept = Object.fromEntries(shared.flatMap((k) => (k in schema ? [[k, schema[k]]] : [])));
  if (schema["x-kubernetes-int-or-string"] === true) {
    return { ...kept, type: ["integer", "string"] };
  }
  return {
    ...kept,
    ...(schema.items === undefined ? {} : { items: toJsonSchema(schema.items) }),
    ...objectKeywords(schema),
  };
}

/** The schema of `spec` in the definition's newest version. */
function specOf(definition: string): Schema {
  const { spec } = parseDefinition(definition);
  const versions: readonly { schema: { openAPIV3Schema: Schema } }[] =
    typeof spec === "object" && spec !== null && "versions" in spec && Array.isArray(spec.versions)
      ? spec.versions
      : [];
  const found = versions.at(-1)?.schema.openAPIV3Schema.properties?.["spec"];
  if (found === undefined) throw new Error("the CustomResourceDefinition has no schema of spec");
  return found;
}

const strings: Schema = { type: "object", additionalProperties: { type: "string" } };

/** @param definition the CustomResourceDefinition as YAML @returns JSON */
export function valuesSchema(definition: string): string {
  const { default: _, ...spec } = toJsonSchema(specOf(definition));
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $comment: "Made by scripts/generators/charts.ts from the resource's schema. Do not edit.",
    title: "Values of kvcluster",
    type: "object",
    additionalProperties: false,
    properties: {
      global: { type: "object", description: "What Helm hands to every subchart; not used." },
      name: { type: "string", description: "Empty: the release's name." },
      labels: { ...strings, description: "More labels on the KVCluster." },
      annotations: { ...strings, description: "Annotations on the KVCluster." },
      spec,
    },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
