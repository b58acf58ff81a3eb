/** Everything of Kubernetes around one KVCluster, from the caches or read anew. */
import {
  childNames,
  clusterLabel,
  type KubeObject,
  type KVCluster,
  namedConfigMaps,
  neededSecrets,
  type ObservedSecret,
  selectorLabels,
} from "../model/index.ts";
import type { ClusterKey, KubeView, ReadMode } from "../reconcile/index.ts";
import type { Caches } from "./caches.ts";
import type { KubeConnection } from "./connection.ts";
import { type LiveObject, labelOf, recordOf } from "./decode-json.ts";
import { observeSecret } from "./generated-secrets.ts";
import { readObject } from "./objects.ts";
import { observeClaim } from "./observe-claim.ts";
import { observePod } from "./observe-pod.ts";
import { observeStatefulSet } from "./observe-stateful-set.ts";
import { listObjects } from "./page-list.ts";
import { type Resource, resources } from "./resources.ts";
import type { TokenIssuer } from "./token-issuer.ts";

export interface LookParts {
  readonly connection: KubeConnection;
  readonly caches: Caches;
  readonly issuer: TokenIssuer;
}

/** What can be taken from the caches, or must be read anew before what cannot be undone. */
interface Raw {
  readonly statefulSet: LiveObject | null;
  readonly pods: readonly LiveObject[];
  readonly claims: readonly LiveObject[];
  readonly children: readonly LiveObject[];
}

export async function lookAt(
  parts: LookParts,
  cluster: KVCluster,
  mode: ReadMode,
): Promise<KubeView> {
  const { name, namespace } = cluster.metadata;
  const cached = readCaches(parts, { name, namespace });
  const [raw, secrets, configMaps] = await Promise.all([
    mode === "cached" ? cached : readAnew(parts.connection, cluster, cached.children),
    readSecrets(parts.connection, cluster),
    readConfigMaps(parts.connection, cluster),
  ]);
  const pods = raw.pods.map((pod) => observePod(name, pod)).filter((pod) => pod !== null);
  const claims = raw.claims
    .map((claim) => observeClaim(cluster, claim))
    .filter((claim) => claim !== null);
  return {
    cluster,
    children: byKindAndName(raw.children),
    secrets,
    configMaps,
    statefulSet: raw.statefulSet === null ? null : observeStatefulSet(raw.statefulSet),
    pods: pods.sort((a, b) => a.ordinal - b.ordinal),
    claims: claims.sort((a, b) => a.ordinal - b.ordinal),
    issuer: parts.issuer.view,
    capabilities: parts.caches.capabilities,
  };
}

function readCaches({ caches }: LookParts, key: ClusterKey): Raw {
  const children = caches.childrenOf(key);
  return {
    statefulSet: children.find((child) => isStatefulSet(child, key.name)) ?? null,
    pods: caches.podsOf(key),
    claims: caches.claimsOf(key),
    children,
  };
}

async function readAnew(
  connection: KubeConnection,
  { metadata }: KVCluster,
  cachedChildren: readonly LiveObject[],
): Promise<Raw> {
  const { name, namespace } = metadata;
  const labelSelector = Object.entries(selectorLabels(name))
    .map((label) => label.join("="))
    .join(",");
  const list = (resource: Resource): Promise<readonly LiveObject[]> =>
    listObjects(connection, { resource, namespace, labelSelector }).then(({ objects }) => objects);
  const key = { namespace, name: childNames(name).statefulSet };
  const [found, pods, claims] = await Promise.all([
    readObject(connection, { resource: resources.statefulSet, key }),
    list(resources.pod),
    list(resources.claim),
  ]);
  // One that lost our label is as good as absent: the intent puts the label back.
  const statefulSet = found !== null && labelOf(found, clusterLabel) === name ? found : null;
  const others = cachedChildren.filter((child) => !isStatefulSet(child, name));
  const children = statefulSet === null ? others : [...others, statefulSet];
  return { statefulSet, pods, claims, children };
}

const isStatefulSet = ({ kind, metadata }: KubeObject, cluster: string): boolean =>
  kind === resources.statefulSet.kind && metadata.name === childNames(cluster).statefulSet;

const byKindAndName = (children: readonly LiveObject[]): ReadonlyMap<string, KubeObject> =>
  new Map(children.map((child) => [`${child.kind}/${child.metadata.name}`, child]));

/** They are others' and so in no cache. By list, which the operator may, and one at a time. */
async function readConfigMaps(
  connection: KubeConnection,
  cluster: KVCluster,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { namespace } = cluster.metadata;
  const names = new Set(namedConfigMaps(cluster).map(({ name }) => name));
  const found = await Promise.all(
    [...names].map((name) => {
      const fieldSelector = `metadata.name=${name}`;
      return listObjects(connection, { resource: resources.configMap, namespace, fieldSelector });
    }),
  );
  const keysOf = (object: LiveObject): readonly string[] =>
    [object["data"], object["binaryData"]].flatMap((part) => Object.keys(recordOf(part) ?? {}));
  return new Map(
    found.flatMap(({ objects }) => objects.map((one) => [one.metadata.name, keysOf(one)])),
  );
}

/** By name, for the operator may not list Secrets. */
async function readSecrets(
  connection: KubeConnection,
  cluster: KVCluster,
): Promise<ReadonlyMap<string, ObservedSecret>> {
  const { namespace } = cluster.metadata;
  const found = await Promise.all(
    neededSecrets(cluster).map(async ({ name, key }) => {
      const target = { resource: resources.secret, key: { namespace, name } };
      const secret = await readObject(connection, target, { isConcealed: true });
      return secret === null ? [] : [[name, observeSecret(secret, cluster, key)] as const];
    }),
  );
  return new Map(found.flat());
}
