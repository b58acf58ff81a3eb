/**
 * Carries out what a plan asks of the API server for one KVCluster. Each action may be repeated:
 * what is there or gone already is success.
 */
import {
  childNames,
  clusterLabel,
  controllerRef,
  type KubeAction,
  type KubeObject,
  type KVCluster,
  type OwnerReference,
} from "../model/index.ts";
import type { KubeConnection } from "./connection.ts";
import { isOwnedBy, labelOf, ownersOf } from "./decode-json.ts";
import { secretObject } from "./generated-secrets.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import {
  applyObject,
  createObject,
  deleteObject,
  evictPod,
  patchObject,
  readObject,
  type Target,
} from "./objects.ts";
import { listObjects } from "./page-list.ts";
import { type Resource, resourceOf, resources } from "./resources.ts";

type ActionOf<T extends KubeAction["type"]> = Extract<KubeAction, { readonly type: T }>;

/** @throws KubeError */
export async function carryOut(
  connection: KubeConnection,
  cluster: KVCluster,
  action: KubeAction,
): Promise<void> {
  const { namespace } = cluster.metadata;
  const named = (resource: Resource, name: string): Target => ({
    resource,
    key: { namespace, name },
  });
  switch (action.type) {
    case "apply": {
      const { object, overwrite } = action;
      if (action.isNew === true) await refuseStranger(connection, cluster, object);
      const target = named(resourceOf(object), object.metadata.name);
      if (overwrite !== undefined) await patchObject(connection, target, overwrite);
      await applyObject(connection, object);
      return;
    }
    case "createSecret":
      return await createSecret(connection, cluster, action);
    case "deleteChild":
      return await deleteChild(connection, action);
    case "orphanStatefulSet": {
      const target = named(resources.statefulSet, childNames(cluster.metadata.name).statefulSet);
      const { uid } = action;
      return await deleteObject(connection, target, { uid, propagation: "Orphan" });
    }
    case "resizeClaim": {
      const spec = { resources: { requests: { storage: action.size } } };
      return await patchObject(connection, named(resources.claim, action.claim), { spec });
    }
    case "setOwned": {
      const isClaim = action.kind === "PersistentVolumeClaim";
      const target = named(isClaim ? resources.claim : resources.secret, action.name);
      return await setOwned(connection, cluster, { target, isOwned: action.isOwned });
    }
    case "deletePod": {
      const { uid, force } = action;
      const options = force ? { uid, graceSeconds: 0 } : { uid };
      return await deleteObject(connection, named(resources.pod, action.pod), options);
    }
    case "evictPod":
      return await evictPod(connection, { namespace, name: action.pod }, action.uid);
    case "deleteClaim": {
      const { uid } = action;
      return await deleteObject(connection, named(resources.claim, action.claim), { uid });
    }
  }
}

/**
 * An apply takes over whatever has the name, and with our owner reference it would go when the
 * KVCluster goes: somebody's Service or ServiceAccount of the same name must not. What lost our
 * labels is still owned by us; what was orphaned still has them.
 * @throws KubeError invalid: a stranger has the name
 */
async function refuseStranger(
  connection: KubeConnection,
  { metadata }: KVCluster,
  object: KubeObject,
): Promise<void> {
  const { namespace, name } = object.metadata;
  const scope = { resource: resourceOf(object), namespace, fieldSelector: `metadata.name=${name}` };
  const { objects } = await listObjects(connection, scope);
  const isStranger = objects.some(
    (live) =>
      !isOwnedBy(live.metadata, metadata.uid) && labelOf(live, clusterLabel) !== metadata.name,
  );
  if (!isStranger) return;
  const what = `${object.kind} ${namespace}/${name} exists and is not this KVCluster's`;
  throw new KubeError("invalid", `${what}: rename or delete one of the two`);
}

/** Created once; what is there, whoever made it, is never overwritten. */
async function createSecret(
  connection: KubeConnection,
  cluster: KVCluster,
  action: ActionOf<"createSecret">,
): Promise<void> {
  try {
    await createObject(connection, secretObject(cluster, action), { isConcealed: true });
  } catch (error) {
    if (!isKubeError(error, "alreadyExists")) throw error;
  }
}

async function deleteChild(
  connection: KubeConnection,
  { object }: ActionOf<"deleteChild">,
): Promise<void> {
  const { namespace, name, uid } = object.metadata;
  if (uid === undefined) {
    throw new KubeError("invalid", `${object.kind} ${name} is to be deleted, but was never seen`);
  }
  const target = { resource: resourceOf(object), key: { namespace, name } };
  await deleteObject(connection, target, { uid });
}

/**
 * Puts our owner reference in or takes it out, and leaves others' alone. A merge patch replaces the
 * list, so the version it was read at is a precondition.
 */
async function setOwned(
  connection: KubeConnection,
  cluster: KVCluster,
  { target, isOwned }: { readonly target: Target; readonly isOwned: boolean },
): Promise<void> {
  const live = await readObject(connection, target, { isConcealed: true });
  if (live === null) return;
  // Neither us nor an earlier KVCluster of our name, which would take it along as it goes.
  const others = ownersOf(live.metadata).filter(({ kind }) => kind !== resources.kvCluster.kind);
  const ownerReferences = isOwned ? [...others, ownerOf(cluster, others)] : others;
  const { resourceVersion } = live.metadata;
  await patchObject(connection, target, { metadata: { resourceVersion, ownerReferences } });
}

/** An object has at most one controller: with another's, ours is a plain owner. */
function ownerOf(cluster: KVCluster, others: readonly OwnerReference[]): OwnerReference {
  const { controller: _, ...plain } = controllerRef(cluster);
  return others.some(({ controller }) => controller === true) ? plain : controllerRef(cluster);
}
