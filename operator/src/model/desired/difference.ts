/**
 * Whether a live object has every field of an intent. The live one may have more: defaults of the
 * API server, fields and list items of others. Null here means that an apply would change nothing
 * of ours, and then none is sent.
 */
import { intentAnnotation } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { compareQuantities } from "../quantity.ts";
import { additionsTo } from "./additions.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { itemKey, mergeKeys } from "./merge-keys.ts";

interface Place {
  /** For people: `spec.template.spec.containers[name=node].image`. */
  readonly path: string;
  /** Name of the field, which says how a list is merged. */
  readonly field: string;
  /** Inside a list that is taken whole: nobody else may have added anything. */
  readonly isWhole: boolean;
  /** Values here are amounts. */
  readonly isQuantity: boolean;
  /** The API server may fill in defaults even inside lists: the schema is not Kubernetes' own. */
  readonly isCustom: boolean;
}

/** Maps that the API server leaves out when they are empty; any other empty object is kept. */
const droppedMaps: ReadonlySet<string> = new Set([
  ...["labels", "annotations", "matchLabels", "nodeSelector", "data", "requests", "limits"],
]);

/** What the API server leaves out. Numbers and booleans always mean something. */
function isEmpty(value: unknown, field: string): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && droppedMaps.has(field) && Object.keys(value).length === 0;
}

const charactersMax = 60;

/** A value for a message, cut short. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}

const differ = (place: Place, intent: unknown, live: unknown): string =>
  `${place.path} is ${show(live)}, wanted ${show(intent)}`;

const quantityFields: ReadonlySet<string> = new Set(["requests", "limits"]);

const step = (place: Place, field: string): Place => ({
  ...place,
  path: /^[\w-]+$/.test(field) ? `${place.path}.${field}` : `${place.path}["${field}"]`,
  field,
  isQuantity: quantityFields.has(place.field),
});

function compare(intent: unknown, live: unknown, place: Place): string | null {
  if (isEmpty(intent, place.field) && isEmpty(live, place.field)) return null;
  if (Array.isArray(intent)) {
    return Array.isArray(live) ? compareLists(intent, live, place) : differ(place, intent, live);
  }
  if (isJsonObject(intent)) {
    return isJsonObject(live) ? compareObjects(intent, live, place) : differ(place, intent, live);
  }
  if (intent === live) return null;
  const isSame = place.isQuantity && compareQuantities(String(intent), String(live ?? "")) === 0;
  return isSame ? null : differ(place, intent, live);
}

function compareObjects(intent: JsonObject, live: JsonObject, place: Place): string | null {
  for (const [field, value] of Object.entries(intent)) {
    const found = compare(value, live[field], step(place, field));
    if (found !== null) return found;
  }
  if (!place.isWhole || place.isCustom) return null;
  const added = Object.keys(live).find(
    (field) => intent[field] === undefined && !isEmpty(live[field], field),
  );
  return added === undefined ? null : differ(step(place, added), undefined, live[added]);
}

function compareLists(
  intent: readonly unknown[],
  live: readonly unknown[],
  place: Place,
): string | null {
  const keys = place.isWhole ? null : mergeKeys(place.field, intent);
  if (keys !== null) return compareMaps(intent, live, { place, keys });
  if (intent.length !== live.length) {
    return `${place.path} has ${live.length} items, wanted ${intent.length}`;
  }
  // The claim templates of a StatefulSet are filled with defaults.
  const isWhole = place.field !== "volumeClaimTemplates";
  for (const [i, item] of intent.entries()) {
    const found = compare(item, live[i], { ...place, path: `${place.path}[${i}]`, isWhole });
    if (found !== null) return found;
  }
  return null;
}

/** Items that others added stay; an apply would not take them away either. */
function compareMaps(
  intent: readonly unknown[],
  live: readonly unknown[],
  { place, keys }: { readonly place: Place; readonly keys: readonly string[] },
): string | null {
  const liveByKey = new Map(live.map((item) => [itemKey(item, keys), item]));
  for (const item of intent) {
    const key = itemKey(item, keys);
    const inItem = { ...place, path: `${place.path}[${key}]`, field: "" };
    const found = compare(item, liveByKey.get(key), inItem);
    if (found !== null) return found;
  }
  return null;
}

const isCustomKind = ({ apiVersion }: KubeObject): boolean =>
  apiVersion.startsWith("monitoring.coreos.com/");

/** The hash is looked at last: which field differs tells people more. */
function withoutHash(object: KubeObject): JsonObject {
  const { annotations = {}, ...metadata } = object.metadata;
  const others = Object.entries(annotations).filter(([name]) => name !== intentAnnotation);
  return { ...object, metadata: { ...metadata, annotations: Object.fromEntries(others) } };
}

/** What of the intent the live object lacks first, in words with its path; null: nothing. */
export function differsFrom(intent: KubeObject, live: KubeObject): string | null {
  const isCustom = isCustomKind(intent);
  for (const [field, value] of Object.entries(withoutHash(intent))) {
    const place = { path: field, field, isWhole: false, isQuantity: false, isCustom };
    const found = compare(value, live[field], place);
    if (found !== null) return found;
  }
  const additions = additionsTo(intent, live);
  if (additions !== null) return `${additions.path} has more than is wanted`;
  const wanted = intent.metadata.annotations?.[intentAnnotation];
  if (wanted === live.metadata.annotations?.[intentAnnotation]) return null;
  return "fields were taken out of what is wanted";
}
