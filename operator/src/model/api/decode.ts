/**
 * From JSON of the API server to a KVCluster. Fills in defaults that an object from before a
 * change of the CRD lacks, and reads numbers among quantities as the texts that they stand for.
 */
import { Value } from "typebox/value";
import { fillDefaults } from "./defaults.ts";
import { isJsonObject, type Json, type JsonObject, objectIn } from "./json.ts";
import { kvClusterSchema, rootStructure } from "./schema.ts";
import type { KVCluster } from "./types.ts";

export type Decoded =
  | { readonly type: "cluster"; readonly cluster: KVCluster }
  /** `why` names the field and what is wrong with it. */
  | { readonly type: "fault"; readonly why: string };

const asText = (quantity: Json): Json => (typeof quantity === "number" ? `${quantity}` : quantity);

function withTextQuantities(spec: JsonObject): JsonObject {
  const resources = Object.entries(objectIn(spec, "resources")).map(([name, quantities]) => {
    if (!isJsonObject(quantities)) return [name, quantities];
    const entries = Object.entries(quantities);
    return [name, Object.fromEntries(entries.map(([key, value]) => [key, asText(value)]))];
  });
  return { ...spec, resources: Object.fromEntries(resources) };
}

/** Takes what the API server sent; never throws. */
export function decodeKVCluster(json: unknown): Decoded {
  if (!isJsonObject(json)) return { type: "fault", why: "it is not an object" };
  const filled = fillDefaults(rootStructure, json);
  if (!isJsonObject(filled)) return { type: "fault", why: "it is not an object" };
  const cluster = { ...filled, spec: withTextQuantities(objectIn(filled, "spec")) };
  if (isKVCluster(cluster)) return { type: "cluster", cluster };
  const [first] = Value.Errors(kvClusterSchema, cluster);
  const where = (first?.instancePath ?? "").replaceAll("/", ".").slice(1);
  return { type: "fault", why: `${where === "" ? "it" : where} ${first?.message ?? "is wrong"}` };
}

const isKVCluster = (value: unknown): value is KVCluster => Value.Check(kvClusterSchema, value);
