/** Plain JSON, as schemas and Kubernetes objects are. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field that is an object; empty when it is anything else. */
export const objectIn = (holder: JsonObject, key: string): JsonObject => {
  const value = holder[key];
  return isJsonObject(value) ? value : {};
};
