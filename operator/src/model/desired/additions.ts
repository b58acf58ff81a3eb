/**
 * What others may not add. An apply takes nothing away that somebody else put in; mostly that does
 * no harm and is let be (`kubectl rollout restart` writes an annotation into the pod template). But
 * one more label in a selector selects nothing, and one more port of the same name makes the next
 * apply invalid. These fields are ours alone and are overwritten first.
 */
import type { KubeObject } from "../observed.ts";
import { isJsonObject, type JsonObject, valueAt } from "./json.ts";
import { itemKey, mergeKeys } from "./merge-keys.ts";

type Path = readonly string[];

const ownFields: Readonly<Record<string, readonly Path[]>> = {
  Service: [
    ["spec", "ports"],
    ["spec", "selector"],
    // Clients would be sent to nodes that are not ready, or past the nodes.
    ["spec", "publishNotReadyAddresses"],
    ["spec", "externalIPs"],
  ],
  PodDisruptionBudget: [
    ["spec", "selector", "matchLabels"],
    ["spec", "selector", "matchExpressions"],
  ],
  NetworkPolicy: [
    ["spec", "podSelector", "matchLabels"],
    ["spec", "podSelector", "matchExpressions"],
  ],
};

export interface Additions {
  /** The first field that holds more than we want. */
  readonly path: string;
  /** A JSON merge patch (RFC 7386) that takes all of it away. */
  readonly patch: JsonObject;
}

/** What somebody added to fields that are ours alone; null: nothing. */
export function additionsTo(intent: KubeObject, live: KubeObject): Additions | null {
  const found = (ownFields[intent.kind] ?? []).flatMap((path) => {
    const patch = removalOf(valueAt(intent, ...path), valueAt(live, ...path));
    return patch === undefined ? [] : [{ path, patch }];
  });
  const [first] = found;
  if (first === undefined) return null;
  const patches = found.map(({ path, patch }) => nest(path, patch));
  return { path: first.path.join("."), patch: patches.reduce(merge) };
}

/** The patch of one field; undefined: there is nothing in it that we do not want. */
function removalOf(intent: unknown, live: unknown): unknown {
  if (live === undefined) return undefined;
  if (intent === undefined) return null;
  if (Array.isArray(intent) && Array.isArray(live)) {
    const keys = mergeKeys("ports", intent) ?? [];
    const wanted = new Set(intent.map((item) => itemKey(item, keys)));
    return live.every((item) => wanted.has(itemKey(item, keys))) ? undefined : intent;
  }
  if (!isJsonObject(intent) || !isJsonObject(live)) return undefined;
  const added = Object.keys(live).filter((name) => intent[name] === undefined);
  return added.length === 0 ? undefined : Object.fromEntries(added.map((name) => [name, null]));
}

const nest = ([field, ...rest]: Path, value: unknown): JsonObject =>
  field === undefined ? {} : { [field]: rest.length === 0 ? value : nest(rest, value) };

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const both = Object.entries(b).map(([name, value]) => {
    const other = a[name];
    return [name, isJsonObject(value) && isJsonObject(other) ? merge(other, value) : value];
  });
  return { ...a, ...Object.fromEntries(both) };
}
