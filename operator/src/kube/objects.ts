/**
 * Single objects of the API server: read by name, server-side apply, create, patch, delete. Every
 * body goes out as it was given, whole, under one field manager.
 */
import { fieldManager, type KubeObject } from "../model/index.ts";
import type { KubeConnection, KubeRequest } from "./connection.ts";
import { decodeObject, isRecord, type LiveObject } from "./decode-json.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import { pathOf, type Resource, resourceOf, resources } from "./resources.ts";

export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

/** One object by name. */
export interface Target {
  readonly resource: Resource;
  readonly key: ObjectKey;
}

export type CallOptions = Pick<KubeRequest, "signal" | "retriesMax" | "timeoutMs" | "isConcealed">;

export interface DeleteOptions {
  /** Only the object of this uid: a younger one of the same name stays. */
  readonly uid: string;
  readonly propagation?: "Background" | "Orphan";
  /** 0: without waiting for its kubelet. Left out: as the object says. */
  readonly graceSeconds?: number;
}

const APPLY = "application/apply-patch+yaml";
const MERGE_PATCH = "application/merge-patch+json";

/** Reads without resourceVersion, that is, the newest state. Null when there is none. */
export async function readObject(
  connection: KubeConnection,
  target: Target,
  options: CallOptions = {},
): Promise<LiveObject | null> {
  const path = pathOf(target.resource, target.key);
  try {
    const answer = await connection.request({ method: "GET", path, ...options });
    return decode(target.resource, answer);
  } catch (error) {
    if (isKubeError(error, "notFound")) return null;
    throw error;
  }
}

/**
 * Server-side apply of a complete intent, taking over fields that others set. A
 * `resourceVersion` in its metadata is a precondition. The answer is the object as it is now. JSON
 * is YAML, so the content type is right. @throws KubeError conflict: it has another version
 */
export async function applyObject(
  connection: KubeConnection,
  intent: KubeObject,
  subresource?: "status",
): Promise<LiveObject> {
  const resource = resourceOf(intent);
  const { namespace, name } = intent.metadata;
  const place = { namespace, name, ...(subresource === undefined ? {} : { subresource }) };
  const answer = await connection.request({
    method: "PATCH",
    path: pathOf(resource, place),
    query: { fieldManager, force: "true" },
    contentType: APPLY,
    body: intent,
  });
  return decode(resource, answer);
}

/** @throws KubeError alreadyExists */
export async function createObject(
  connection: KubeConnection,
  object: KubeObject,
  options: CallOptions = {},
): Promise<LiveObject> {
  const resource = resourceOf(object);
  const answer = await connection.request({
    method: "POST",
    path: pathOf(resource, { namespace: object.metadata.namespace }),
    query: { fieldManager },
    body: object,
    ...options,
  });
  return decode(resource, answer);
}

/** Writes the whole object with the resourceVersion in it. @throws KubeError conflict */
export async function replaceObject(
  connection: KubeConnection,
  object: LiveObject,
  options: CallOptions = {},
): Promise<LiveObject> {
  const resource = resourceOf(object);
  const { namespace, name } = object.metadata;
  const answer = await connection.request({
    method: "PUT",
    path: pathOf(resource, { namespace, name }),
    query: { fieldManager },
    body: object,
    ...options,
  });
  return decode(resource, answer);
}

/** JSON merge patch (RFC 7386): lists are replaced whole, null removes a field. */
export async function patchObject(
  connection: KubeConnection,
  target: Target,
  patch: Readonly<Record<string, unknown>>,
): Promise<void> {
  await connection.request({
    method: "PATCH",
    path: pathOf(target.resource, target.key),
    query: { fieldManager },
    contentType: MERGE_PATCH,
    body: patch,
    // The answer, and so a complaint about it, holds the whole object.
    isConcealed: target.resource.kind === "Secret",
  });
}

/**
 * Deletes the object of that name and uid. One that is gone already is what was wanted.
 * @throws KubeError conflict when another object has the name now
 */
export async function deleteObject(
  connection: KubeConnection,
  target: Target,
  options: DeleteOptions,
): Promise<void> {
  const { uid, propagation = "Background", graceSeconds } = options;
  const body = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    preconditions: { uid },
    propagationPolicy: propagation,
    ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
  };
  const path = pathOf(target.resource, target.key);
  try {
    await connection.request({ method: "DELETE", path, body });
  } catch (error) {
    if (!isKubeError(error, "notFound")) throw error;
  }
}

/**
 * Asks for the deletion of the pod of that name and uid as a drain does: counted against its
 * PodDisruptionBudget. One that is gone already is what was wanted.
 * @throws KubeError disruptionBudget: the budget refuses; conflict: another pod has the name now
 */
export async function evictPod(
  connection: KubeConnection,
  { namespace, name }: ObjectKey,
  uid: string,
): Promise<void> {
  const body = {
    apiVersion: resources.podDisruptionBudget.apiVersion,
    kind: "Eviction",
    metadata: { namespace, name },
    deleteOptions: { preconditions: { uid } },
  };
  const path = pathOf(resources.pod, { namespace, name, subresource: "eviction" });
  try {
    await connection.request({ method: "POST", path, body });
  } catch (error) {
    if (!isKubeError(error, "notFound")) throw error;
  }
}

function decode(resource: Resource, answer: unknown): LiveObject {
  try {
    if (!isRecord(answer)) throw new TypeError("the answer is no object");
    return decodeObject(answer, resource);
  } catch (cause) {
    throw new KubeError("malformed", `an answer about a ${resource.kind} makes no sense`, {
      cause,
    });
  }
}
