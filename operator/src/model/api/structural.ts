/**
 * Turns a TypeBox schema into a structural OpenAPI v3 schema, the dialect of CRDs. An unknown
 * keyword is a mistake of ours and throws: none is dropped in silence.
 */
import type { TSchema } from "typebox";
import { fillDefaults } from "./defaults.ts";
import { isJsonObject, type Json, type JsonObject, objectIn } from "./json.ts";

const keptKeywords: ReadonlySet<string> = new Set([
  ...["type", "description", "default", "format", "minimum", "maximum"],
  ...["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"],
  ...["validations", "list-type", "list-map-keys", "int-or-string"].map(
    (word) => `x-kubernetes-${word}`,
  ),
  "x-kubernetes-preserve-unknown-fields",
]);
const turnedKeywords: ReadonlySet<string> = new Set([
  ...["properties", "required", "patternProperties", "items", "anyOf"],
]);

/** @throws Error for a keyword that this converter does not know */
export function structuralSchema(schema: TSchema): JsonObject {
  const json: Json = JSON.parse(JSON.stringify(schema));
  if (!isJsonObject(json)) throw new Error("a schema is an object");
  return convert(json, "");
}

function convert(schema: JsonObject, path: string): JsonObject {
  return {
    ...keep(schema, path),
    ...convertNumber(schema),
    ...convertChoices(schema, path),
    ...convertObject(schema, path),
    ...(isJsonObject(schema["items"]) ? { items: convert(schema["items"], `${path}[]`) } : {}),
  };
}

function keep(schema: JsonObject, path: string): JsonObject {
  const unknown = Object.keys(schema).filter(
    (keyword) => !keptKeywords.has(keyword) && !turnedKeywords.has(keyword),
  );
  if (unknown.length > 0) throw new Error(`${path}: no place in a CRD for ${unknown.join(", ")}`);
  const kept = Object.entries(schema).filter(([keyword]) => keptKeywords.has(keyword));
  return Object.fromEntries(kept);
}

const int32Max = 2 ** 31 - 1;

function convertNumber({ type, maximum }: JsonObject): JsonObject {
  if (type !== "integer") return {};
  return { format: typeof maximum === "number" && maximum <= int32Max ? "int32" : "int64" };
}

/** Literals become an enum; a number or a text stays what it is, marked as such. */
function convertChoices(schema: JsonObject, path: string): JsonObject {
  const choices = schema["anyOf"];
  if (!Array.isArray(choices)) return {};
  if (schema["x-kubernetes-int-or-string"] === true) return { anyOf: choices };
  const words: Json[] = choices.map((choice: Json) => objectIn({ choice }, "choice")["const"] ?? 0);
  if (!words.every((word) => typeof word === "string")) {
    throw new Error(`${path}: a choice in a CRD is between words`);
  }
  return { type: "string", enum: words };
}

function convertObject(schema: JsonObject, path: string): JsonObject {
  const pattern = objectIn(schema, "patternProperties")["^.*$"];
  if (isJsonObject(pattern)) return { additionalProperties: convert(pattern, `${path}{}`) };
  if (!isJsonObject(schema["properties"])) return {};
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const properties = Object.entries(schema["properties"]).map(([name, property]) => {
    const converted = convert(objectIn({ property }, "property"), `${path}.${name}`);
    return [name, required.has(name) ? withDefault(converted) : converted] as const;
  });
  const missing = properties.filter(
    ([name, property]) => required.has(name) && !("default" in property),
  );
  return {
    properties: Object.fromEntries(properties),
    ...(missing.length === 0 ? {} : { required: missing.map(([name]) => name) }),
  };
}

/**
 * An object all of whose required fields have defaults may be left out itself. Its default has them
 * filled in: the API server judges a default by the rules before it fills anything in.
 */
function withDefault(schema: JsonObject): JsonObject {
  const mayBeEmpty = "properties" in schema && !("required" in schema);
  if (!mayBeEmpty || "default" in schema) return schema;
  return { ...schema, default: fillDefaults(schema, {}) };
}
