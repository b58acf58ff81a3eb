/** Makes docs/reference/kvcluster.md: every field of the resource, from its schema. */
import {
  fillDefaults,
  isJsonObject,
  type Json,
  type JsonObject,
  nameLengthMax,
  resourceNames,
  rootStructure,
} from "../../operator/src/model/index.ts";
import type { Generator } from "../generator.ts";

interface Field {
  readonly path: string;
  readonly schema: JsonObject;
  readonly isRequired: boolean;
}

const fieldOf = (holder: JsonObject, key: string): JsonObject => {
  const value = holder[key];
  return isJsonObject(value) ? value : {};
};
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const code = (value: Json): string => `\`${typeof value === "string" ? value : show(value)}\``;
const show = (value: Json): string =>
  JSON.stringify(value).replaceAll(/[{,:]/g, "$& ").replaceAll("}", " }").replaceAll('"', "");

/** The field and everything below it, in the schema's order. */
function* fieldsBelow(field: Field): Iterable<Field> {
  yield field;
  const items = fieldOf(field.schema, "items");
  const holder = "properties" in items ? items : field.schema;
  const prefix = "properties" in items ? `${field.path}[]` : field.path;
  yield* fieldsIn(holder, prefix);
}

function* fieldsIn(schema: JsonObject, prefix: string): Iterable<Field> {
  const required = new Set(listOf(schema["required"]));
  for (const name of Object.keys(fieldOf(schema, "properties"))) {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const property = fieldOf(fieldOf(schema, "properties"), name);
    yield* fieldsBelow({ path, schema: property, isRequired: required.has(name) });
  }
}

function typeOf(schema: JsonObject): string {
  if (schema["x-kubernetes-int-or-string"] === true) return "quantity";
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) return "object of Kubernetes";
  if (schema["enum"] !== undefined) return listOf(schema["enum"]).map(code).join(" ");
  if (schema["type"] === "array") return `list of ${typeOf(fieldOf(schema, "items"))}`;
  const values = fieldOf(schema, "additionalProperties");
  if (Object.keys(values).length > 0) return `map to ${typeOf(values)}`;
  const names: Readonly<Record<string, string>> = { integer: "whole number", string: "text" };
  return names[String(schema["type"])] ?? String(schema["type"]);
}

const bounds: readonly (readonly [string, string, string])[] = [
  ["minimum", "maximum", ""],
  ["minItems", "maxItems", " items"],
  ["minProperties", "maxProperties", " entries"],
  ["minLength", "maxLength", " characters"],
];

function ownBounds(schema: JsonObject): string[] {
  return bounds
    .filter(([low, high]) => low in schema || high in schema)
    .map(([low, high, unit]) => {
      if (!(high in schema)) return `at least ${schema[low]}${unit}`;
      const isFromZero = unit !== "" && (schema[low] ?? 0) === 0;
      return isFromZero
        ? `at most ${schema[high]}${unit}`
        : `${schema[low]} – ${schema[high]}${unit}`;
    });
}

/** What a list or map holds, when that has no rows of its own. */
function innerOf(schema: JsonObject): JsonObject {
  const inner = { ...fieldOf(schema, "items"), ...fieldOf(schema, "additionalProperties") };
  return "properties" in inner ? {} : inner;
}

const boundsOf = (schema: JsonObject): string =>
  [...ownBounds(schema), ...ownBounds(innerOf(schema)).map((inner) => `each ${inner}`)].join(", ");

function defaultOf({ schema, isRequired }: Field): string {
  if (isRequired) return "required";
  const value = schema["default"];
  if (value === undefined) return "";
  const isSumOfFields = JSON.stringify(fillDefaults(schema, {})) === JSON.stringify(value);
  if ("properties" in schema && isSumOfFields) return "";
  return value === "" || ["[]", "{}"].includes(JSON.stringify(value)) ? "empty" : code(value);
}

const rulesOf = (schema: JsonObject): string =>
  [
    ...listOf(schema["x-kubernetes-validations"]),
    ...listOf(fieldOf(schema, "items")["x-kubernetes-validations"]),
  ]
    .map((rule) => (isJsonObject(rule) ? String(rule["message"]) : ""))
    .concat(uniqueness(schema))
    .join("; ");

function uniqueness(schema: JsonObject): string[] {
  if (schema["x-kubernetes-list-type"] === "set") return ["no value twice"];
  const [key] = listOf(schema["x-kubernetes-list-map-keys"]);
  return key === undefined ? [] : [`no \`${String(key)}\` twice`];
}

function row(field: Field): string {
  const cells = [
    `\`${field.path}\``,
    typeOf(field.schema),
    defaultOf(field),
    boundsOf(field.schema),
    String(field.schema["description"] ?? ""),
    rulesOf(field.schema),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

const header =
  "| Field | Type | Default | Bounds | Meaning | Rules |\n| --- | --- | --- | --- | --- | --- |\n";

const sectionOf = (field: Field): string => field.path.split(".")[0] ?? "";

function specSections(): string {
  const fields = [...fieldsIn(fieldOf(fieldOf(rootStructure, "properties"), "spec"), "")];
  const simple = fields.filter(
    (field) => !("properties" in field.schema || field.path.match(/[.[]/)),
  );
  const nested = [...new Set(fields.filter((field) => !simple.includes(field)).map(sectionOf))];
  const tables = nested.map((section) => {
    const rows = fields.filter((field) => sectionOf(field) === section).map(row);
    return `## \`spec.${section}\`\n\n${header}${rows.join("\n")}\n`;
  });
  return [`## \`spec\`\n\n${header}${simple.map(row).join("\n")}\n`, ...tables].join("\n");
}

function statusSection(): string {
  const status = fieldOf(fieldOf(rootStructure, "properties"), "status");
  const rows = [...fieldsIn(status, "")].map(
    ({ path, schema }) =>
      `| \`${path}\` | ${typeOf(schema)} | ${String(schema["description"] ?? "")} |`,
  );
  return `## \`status\`

Written by the operator alone.

| Field | Type | Meaning |
| --- | --- | --- |
${rows.join("\n")}
`;
}

const origin = "<!-- Made by scripts/generators/kvcluster.ts from the schema. Do not edit. -->";

const page = (): string => `${origin}

# KVCluster

\`kvcluster.io/v1alpha1\`, kind \`${resourceNames.kind}\`, short name
\`${resourceNames.shortNames.join(" ")}\`, namespaced, with the subresources
\`status\` and \`scale\` (\`kubectl scale kvc NAME --replicas 5\`). The API server itself fills in
the defaults and refuses what is out of bounds or against a rule, with the rule's words; there is
no webhook. \`spec: {}\` is a cluster of three nodes. The operator refuses to work with a CRD that
is older than itself.

\`metadata.name\` has at most ${nameLengthMax} lower-case letters, digits and \`-\`, begins
with a letter, and does not end in \`-peers\`: pods and Services are named after it.

${specSections()}
${statusSection()}`;

export const generator: Generator = {
  name: "kvcluster",
  generate: () => [{ path: "docs/reference/kvcluster.md", content: page() }],
};
