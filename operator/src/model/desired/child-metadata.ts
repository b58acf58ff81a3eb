/** Metadata that every child has: name, labels, and the KVCluster as its controller. */
import type { KVCluster } from "../api/types.ts";
import { apiGroup, apiVersion, childLabels } from "../names.ts";
import type { KubeObject, OwnerReference } from "../observed.ts";

type Metadata = KubeObject["metadata"];

/** Makes an object go when the KVCluster goes, and tells who reconciles it. */
export const controllerRef = ({ metadata }: KVCluster): OwnerReference => ({
  apiVersion: `${apiGroup}/${apiVersion}`,
  kind: "KVCluster",
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** What a child adds to the metadata of all. Ours win over labels that a user adds. */
export interface MetadataExtras {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const childMetadata = (
  cluster: KVCluster,
  name: string,
  { labels = {}, annotations = {} }: MetadataExtras = {},
): Metadata => ({
  name,
  namespace: cluster.metadata.namespace,
  labels: { ...labels, ...childLabels(cluster.metadata.name) },
  ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  ownerReferences: [controllerRef(cluster)],
});
