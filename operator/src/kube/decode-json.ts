/**
 * Turns JSON of the wire into our types: small questions that answer null when the value is not of
 * the kind asked for, and the decoders of whole objects, which throw.
 */
import type { KubeObject, OwnerReference } from "../model/index.ts";

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const recordOf = (value: unknown): JsonRecord | null => (isRecord(value) ? value : null);

export const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

export const numberOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The records in a list; whatever else is in it is left out. */
export const recordsOf = (value: unknown): readonly JsonRecord[] => listOf(value).filter(isRecord);

/** The value at the end of a path of field names; undefined as soon as one is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here: unknown = value;
  for (const field of path) here = isRecord(here) ? here[field] : undefined;
  return here;
}

/** ms since the epoch of an RFC 3339 time; null when it is none. */
export function timeOf(value: unknown): number | null {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** A live object: its key and version are there for certain. */
export interface LiveObject extends KubeObject {
  readonly metadata: KubeObject["metadata"] & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp?: string;
    /** Of kinds whose spec the API server counts. */
    readonly generation?: number;
  };
}

/**
 * An object of a list, a watch or a GET, frozen through and through. `managedFields` is left out:
 * nobody reads it here, and it is half of the memory.
 * @param type fills in what the items of a list do not carry
 * @throws TypeError when it has no name, namespace, uid or resourceVersion
 */
export function decodeObject(
  value: unknown,
  type: { readonly apiVersion: string; readonly kind: string },
): LiveObject {
  const { metadata, ...rest } = recordOf(value) ?? {};
  const { managedFields: _, ...kept } = recordOf(metadata) ?? {};
  for (const field of ["name", "namespace", "uid", "resourceVersion"]) {
    if (typeof kept[field] !== "string") {
      const which = `${type.kind} ${String(kept["namespace"])}/${String(kept["name"])}`;
      throw new TypeError(`${which} has no metadata.${field}`);
    }
  }
  const object = { ...rest, apiVersion: type.apiVersion, kind: type.kind, metadata: kept };
  return freeze(object) as unknown as LiveObject;
}

export const labelOf = (object: KubeObject, label: string): string | null =>
  object.metadata.labels?.[label] ?? null;

/** Whether an object is owned by the object of that uid. */
export function isOwnedBy(metadata: unknown, uid: string): boolean {
  return recordsOf(at(metadata, "ownerReferences")).some((owner) => owner["uid"] === uid);
}

/** Whether a KVCluster of another uid owns it: an earlier one of the same name. */
export const isOwnedByEarlier = (metadata: unknown, uid: string): boolean =>
  ownersOf(metadata).some((owner) => owner.kind === "KVCluster" && owner.uid !== uid);

/** The owner references as they are on the wire, whatever else they hold. */
export function ownersOf(metadata: unknown): readonly OwnerReference[] {
  return recordsOf(at(metadata, "ownerReferences")).filter(isOwnerReference);
}

function isOwnerReference(owner: JsonRecord): owner is JsonRecord & OwnerReference {
  return ["apiVersion", "kind", "name", "uid"].every((field) => typeof owner[field] === "string");
}

/** Freezes JSON in depth: cached objects are shared by every pass. */
export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
