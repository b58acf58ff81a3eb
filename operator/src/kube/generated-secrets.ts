/**
 * The contents of Secrets that the operator makes, once and never again, and what can be said about
 * a Secret without telling what is in it. Contents appear in no error and no log.
 */
import { randomBytes } from "node:crypto";
import { parseDocument } from "yaml";
import {
  type CreateSecretAction,
  controllerRef,
  type KubeObject,
  type KVCluster,
  type ObservedSecret,
} from "../model/index.ts";
import {
  at,
  isOwnedBy,
  isOwnedByEarlier,
  isRecord,
  type LiveObject,
  textOf,
} from "./decode-json.ts";
import { resources } from "./resources.ts";

type Contents = CreateSecretAction["contents"];

/** Keys in the Secrets; the files of `paths` are named by them. */
export const secretKeys: Readonly<Record<Contents, string>> = {
  jwtSecret: "jwt-secret",
  keyRing: "key-ring.json",
  peerSecret: "peer-secret",
};

const SECRET_BYTES = 32;
const KEY_BYTES = 32;

export function secretObject(cluster: KVCluster, action: CreateSecretAction): KubeObject {
  const text = generate(action.contents);
  return {
    apiVersion: resources.secret.apiVersion,
    kind: resources.secret.kind,
    metadata: {
      name: action.name,
      namespace: cluster.metadata.namespace,
      labels: action.labels,
      ...(action.isOwned ? { ownerReferences: [controllerRef(cluster)] } : {}),
    },
    type: "Opaque",
    data: { [secretKeys[action.contents]]: Buffer.from(text).toString("base64") },
  };
}

function generate(contents: Contents): string {
  switch (contents) {
    case "jwtSecret":
    case "peerSecret":
      return randomBytes(SECRET_BYTES).toString("hex");
    case "keyRing":
      return keyRing();
  }
}

/** The node's format, version 1 (docs/adr/0003-encryption.md). */
function keyRing(): string {
  const keyId = `key-${randomBytes(4).toString("hex")}`;
  const ring = {
    version: 1,
    id: `ring-${randomBytes(8).toString("hex")}`,
    active: keyId,
    keys: { [keyId]: randomBytes(KEY_BYTES).toString("base64") },
  };
  return `${JSON.stringify(ring, null, 2)}\n`;
}

/** The bytes under a key of a Secret, as the node reads the file: without one line end. */
export function secretBytes(secret: LiveObject, key: string): Uint8Array | null {
  const encoded = textOf(at(secret, "data", key));
  if (encoded === null) return null;
  const bytes = Buffer.from(encoded, "base64");
  const end = bytes.at(-1) !== 0x0a ? bytes.length : bytes.at(-2) === 0x0d ? -2 : -1;
  return bytes.subarray(0, end);
}

/** @param key the key in it that pods need */
export function observeSecret(secret: LiveObject, cluster: KVCluster, key: string): ObservedSecret {
  const data = at(secret, "data");
  return {
    name: secret.metadata.name,
    uid: secret.metadata.uid,
    keys: isRecord(data) ? Object.keys(data).sort() : [],
    isOwned: isOwnedBy(secret.metadata, cluster.metadata.uid),
    isDoomed: isOwnedByEarlier(secret.metadata, cluster.metadata.uid),
    fault: findFault(secret, key),
  };
}

/** Why nodes could not start with it; null when they can. */
function findFault(secret: LiveObject, key: string): string | null {
  const bytes = secretBytes(secret, key);
  if (bytes === null) return `it has no key ${key}`;
  if (key === secretKeys.keyRing) return findRingFault(new TextDecoder().decode(bytes), key);
  return bytes.length >= SECRET_BYTES
    ? null
    : `${key} has ${bytes.length} bytes, at least ${SECRET_BYTES} are needed`;
}

const KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KEY_TEXT = /^[A-Za-z0-9+/]{43}=$/;

/** What the node would refuse, in the node's order; never quotes what may be a key. */
function findRingFault(text: string, key: string): string | null {
  const ring = parseRing(text);
  if (ring === null) return `${key} is neither JSON nor YAML with a mapping`;
  const unknown = Object.keys(ring).find(
    (field) => !["version", "id", "active", "keys"].includes(field),
  );
  if (unknown !== undefined) return `${key} has an unknown field beside version, id, active, keys`;
  if (ring["version"] !== "1") return `${key}: "version" must be 1`;
  if (!KEY_ID.test(textOf(ring["id"]) ?? "")) return `${key}: "id" is missing or no name`;
  const keys = ring["keys"];
  if (!isRecord(keys) || Object.keys(keys).length === 0) return `${key}: "keys" has no key`;
  const active = textOf(ring["active"]) ?? "";
  if (!Object.hasOwn(keys, active)) return `${key}: "active" names no key under "keys"`;
  const bad = Object.entries(keys).findIndex(
    ([id, value]) => !KEY_ID.test(id) || !KEY_TEXT.test(textOf(value) ?? ""),
  );
  return bad === -1 ? null : `${key}: key ${bad + 1} is not the base64 of ${KEY_BYTES} bytes`;
}

/** Every scalar stays text, as the node reads it. */
function parseRing(text: string): Readonly<Record<string, unknown>> | null {
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: false });
  if (document.errors.length > 0) return null;
  try {
    const ring: unknown = document.toJS({ maxAliasCount: 0 });
    return isRecord(ring) ? ring : null;
  } catch {
    // An alias; the cause would quote the Secret, and the caller tells that it cannot be used.
    return null;
  }
}
