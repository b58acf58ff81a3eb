/**
 * Fills defaults in as the API server does (KEP 1027, "Defaulting"): from the same schema, top
 * down, a `null` where a default stands counting as absent.
 */
import { isJsonObject, type Json, type JsonObject, objectIn } from "./json.ts";

/** `value` with the defaults of the structural schema; itself unchanged. */
export function fillDefaults(schema: JsonObject, value: Json): Json {
  if (Array.isArray(value)) {
    const items = objectIn(schema, "items");
    return value.map((item) => fillDefaults(items, item));
  }
  return isJsonObject(value) ? fillObject(schema, value) : value;
}

function fillObject(schema: JsonObject, value: JsonObject): JsonObject {
  const properties = objectIn(schema, "properties");
  const schemaOfField = (name: string): JsonObject =>
    isJsonObject(properties[name]) ? properties[name] : objectIn(schema, "additionalProperties");
  const isGiven = (name: string, field: Json): boolean =>
    field !== null || !("default" in schemaOfField(name));
  const given = Object.entries(value)
    .filter(([name, field]) => isGiven(name, field))
    .map(([name, field]) => [name, fillDefaults(schemaOfField(name), field)]);
  const absent = Object.entries(properties).flatMap(([name, property]) => {
    const isAbsent = (value[name] ?? null) === null;
    if (!isAbsent || !isJsonObject(property) || property["default"] === undefined) return [];
    return [[name, fillDefaults(property, property["default"])]];
  });
  return Object.fromEntries([...given, ...absent]);
}
