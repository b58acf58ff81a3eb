/** KVClusters with the schema's defaults, inputs for the builders, and observations of them. */
import assert from "node:assert/strict";
import { decodeKVCluster } from "../api/decode.ts";
import type { KVCluster } from "../api/types.ts";
import type { KubeObject, Observed } from "../observed.ts";
import { childKey, desiredChildren } from "./children.ts";
import type { DesiredInputs } from "./inputs.ts";
import { valueAt } from "./json.ts";

export const clusterUid = "5bd0a2a8-6a2c-4e0c-9a2f-1b9f5f0c7d11";

export function clusterWith(spec: object = {}, status?: object): KVCluster {
  const decoded = decodeKVCluster({
    apiVersion: "kvcluster.io/v1alpha1",
    kind: "KVCluster",
    metadata: {
      name: "store",
      namespace: "shop",
      uid: clusterUid,
      generation: 1,
      resourceVersion: "7",
      creationTimestamp: "2026-11-01T10:00:00Z",
    },
    spec,
    ...(status === undefined ? {} : { status }),
  });
  assert.equal(decoded.type, "cluster", JSON.stringify(decoded));
  return (decoded as { cluster: KVCluster }).cluster;
}

export const apiIssuer = {
  type: "known",
  issuer: "https://kubernetes.default.svc.cluster.local",
  jwks: '{"keys":[]}',
} as const;

export const inputsWith = (
  spec: object = {},
  others: Partial<DesiredInputs> = {},
): DesiredInputs => ({
  cluster: clusterWith(spec),
  image: "kvcluster/node:1.0.0",
  replicas: 3,
  voters: 3,
  issuer: apiIssuer,
  defaults: {
    image: "kvcluster/node:1.0.0",
    operatorNamespace: "kvcluster-system",
    operatorLabels: { "app.kubernetes.io/name": "kvcluster-operator" },
  },
  capabilities: { serviceMonitor: true, prometheusRule: true },
  ...others,
});

/** The child of that key among all that are desired. */
export function childOf(inputs: DesiredInputs, key: string): KubeObject {
  const found = desiredChildren(inputs).find((child) => childKey(child) === key);
  assert.ok(found !== undefined, `no ${key}`);
  return found;
}

/** A field of the pod template. */
export const templateField = (inputs: DesiredInputs, ...path: readonly string[]): unknown =>
  valueAt(childOf(inputs, "StatefulSet/store"), "spec", "template", ...path);

export type Fields = Record<string, unknown>;

/** The node's container. */
export function container(inputs: DesiredInputs): Fields {
  const containers = templateField(inputs, "spec", "containers");
  assert.ok(Array.isArray(containers) && containers.length === 1);
  return containers[0] as Fields;
}

export const copyOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Everything is there as desired, all Secrets too. */
export function settled(inputs: DesiredInputs, others: Partial<Observed> = {}): Observed {
  const children = desiredChildren(inputs).map((child) => {
    const live = copyOf(child) as KubeObject;
    const metadata = { ...live.metadata, uid: `uid-of-${childKey(child)}` };
    return [childKey(child), { ...live, metadata }] as const;
  });
  const isOwned = inputs.cluster.spec.storage.retention.whenDeleted === "Delete";
  const secret = (name: string, key: string) =>
    [name, { name, uid: name, keys: [key], isOwned, fault: null }] as const;
  return {
    cluster: inputs.cluster,
    now: 0,
    children: new Map(children),
    configMaps: new Map(),
    secrets: new Map([
      secret("store-auth", "jwt-secret"),
      secret("store-keyring", "key-ring.json"),
      secret("store-peer", "peer-secret"),
    ]),
    statefulSet: null,
    pods: [],
    claims: [],
    nodes: [],
    issuer: inputs.issuer,
    capabilities: inputs.capabilities,
    ...others,
  };
}
