/** Objects as the API server hands them out, for tests of this folder. */
import { decodeKVCluster, type KVCluster } from "../model/index.ts";
import { decodeObject, type LiveObject } from "./decode-json.ts";
import type { Resource } from "./resources.ts";

export const clusterUid = "uid-store";

/** `KVCluster shop/store` on the wire. */
export const wireCluster = (version = "100", spec: object = {}): object => ({
  apiVersion: "kvcluster.io/v1alpha1",
  kind: "KVCluster",
  metadata: {
    ...{ namespace: "shop", name: "store", uid: clusterUid, resourceVersion: version },
    generation: 1,
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  spec: { storage: { size: "1Gi" }, ...spec },
});

export function clusterWith(spec: object = {}): KVCluster {
  const decoded = decodeKVCluster(wireCluster("100", spec));
  if (decoded.type === "fault") throw new Error(decoded.why);
  return decoded.cluster;
}

/** `shop/NAME` with uid `uid-NAME` at version 1; `metadata` is laid over. */
export function live(
  resource: Resource,
  name: string,
  {
    metadata = {},
    ...rest
  }: { readonly metadata?: object; readonly [field: string]: unknown } = {},
): LiveObject {
  const key = { namespace: "shop", name, uid: `uid-${name}`, resourceVersion: "1" };
  const creationTimestamp = "2026-01-01T00:00:00Z";
  return decodeObject({ ...rest, metadata: { ...key, creationTimestamp, ...metadata } }, resource);
}

export const base64 = (text: string): string => Buffer.from(text).toString("base64");
