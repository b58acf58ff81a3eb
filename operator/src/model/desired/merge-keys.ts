/**
 * How Kubernetes merges lists: some are maps, whose items are known by one or two of their fields,
 * so that others may add items and order means nothing; the rest are taken whole (API reference,
 * `x-kubernetes-list-map-keys`).
 */
import { isJsonObject } from "./json.ts";

const keysByField: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  imagePullSecrets: ["name"],
  volumeMounts: ["mountPath"],
  topologySpreadConstraints: ["topologyKey", "whenUnsatisfiable"],
  ownerReferences: ["uid"],
};
/** Of a container or of a Service. */
const portKeys = [
  ["containerPort", "protocol"],
  ["port", "protocol"],
];

const hasAll = (item: unknown, keys: readonly string[]): boolean =>
  isJsonObject(item) && keys.every((key) => item[key] !== undefined);

/** The fields that tell the items of a list apart; null: the list is taken whole. */
export function mergeKeys(field: string, items: readonly unknown[]): readonly string[] | null {
  const candidates = field === "ports" ? portKeys : [keysByField[field] ?? []];
  const found = candidates.find(
    (keys) => keys.length > 0 && items.every((item) => hasAll(item, keys)),
  );
  return found ?? null;
}

/** `name=http`, for messages and to find the same item in another list. */
export const itemKey = (item: unknown, keys: readonly string[]): string =>
  isJsonObject(item) ? keys.map((key) => `${key}=${String(item[key])}`).join(",") : "";
