/**
 * The key ring: one active key that seals, older ones that still open, under an id that binds data
 * to the ring. Reads and writes its file; never lets key material into an error or a log.
 */
import {
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { parseDocument } from "yaml";
import { CryptoError } from "./crypto-error.ts";
import { createPrivateFile, type FileVersion, readPrivateFile } from "./private-file.ts";

export const KEY_BYTES = 32;
/** Old keys stay until nothing is sealed with them; more than this many is a mistake. */
export const KEYS_MAX = 256;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const ID_RULE = "1 to 64 letters, digits, dots, dashes or underscores";
const BASE64 = /^[A-Za-z0-9+/]{43}=$/;
const FINGERPRINT_BYTES = 16;

export interface KeyRing {
  /** Bound into every sealed value: a value of another ring never opens. */
  readonly id: string;
  /** Id of the key that seals. */
  readonly active: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

export interface LoadedKeyRing {
  readonly ring: KeyRing;
  /** Changes whenever the file does, a swapped symbolic link included. */
  readonly version: FileVersion;
}

/**
 * Reads a ring from a JSON or YAML file that only its owner can read.
 * @throws CryptoError KEY_RING_UNREADABLE, KEY_RING_PERMISSIONS, KEY_RING_INVALID
 */
export function loadKeyRing(path: string): LoadedKeyRing {
  const { text, version } = readPrivateFile(path);
  return { ring: parseKeyRing(text, path), version };
}

/** @param path names the file in errors. @throws CryptoError KEY_RING_INVALID */
export function parseKeyRing(text: string, path: string): KeyRing {
  const invalid = (what: string): CryptoError =>
    new CryptoError("KEY_RING_INVALID", `key ring ${path}: ${what}`);
  const fields = readFields(text, invalid);
  const version = fields.get("version");
  if (version !== "1") throw invalid(`"version" must be 1${told(version)}`);
  const id = fields.get("id");
  if (typeof id !== "string" || !ID.test(id)) throw invalid(`"id" must be ${ID_RULE}`);
  const keys = readKeys(fields.get("keys"), invalid);
  const active = fields.get("active");
  if (typeof active !== "string") throw invalid('"active" must be the id of a key');
  if (!keys.has(active)) {
    throw invalid(`"active" is ${JSON.stringify(active)}, which is not under "keys"`);
  }
  return { id, active, keys };
}

/** The ids among `used` that the ring lacks, sorted. */
export function missingKeys(ring: KeyRing, used: Iterable<string>): string[] {
  return [...used].filter((id) => !ring.keys.has(id)).sort();
}

/** A new ring with one key, as the text of its file. */
export function generateKeyRing(): string {
  const keyId = `key-${randomBytes(4).toString("hex")}`;
  const ring = {
    version: 1,
    id: `ring-${randomBytes(8).toString("hex")}`,
    active: keyId,
    keys: { [keyId]: randomBytes(KEY_BYTES).toString("base64") },
  };
  return `${JSON.stringify(ring, null, 2)}\n`;
}

/** Writes a new ring to a file that must not exist, durable, with mode 0600. */
export function createKeyRingFile(path: string): void {
  createPrivateFile(path, generateKeyRing());
}

/** Tells two keys apart without telling anything about them; safe to store. */
export function fingerprint(ring: KeyRing, keyId: string): string {
  const key = ring.keys.get(keyId);
  if (key === undefined) throw new RangeError(`the ring has no key ${keyId}`);
  const info = `kvcluster key fingerprint v1\0${ring.id}`;
  return Buffer.from(hkdfSync("sha256", key, "", info, FINGERPRINT_BYTES)).toString("hex");
}

type Invalid = (what: string) => CryptoError;

const told = (value: unknown): string =>
  value === undefined ? ", it is missing" : `, it is ${JSON.stringify(value).slice(0, 40)}`;

/** Every scalar stays the text that was written: a key id 2024 or 1e3 is no number here. */
function readFields(text: string, invalid: Invalid): Map<string, unknown> {
  // Pretty errors would quote the line, which may hold a key.
  const document = parseDocument(text, {
    schema: "failsafe",
    prettyErrors: false,
    uniqueKeys: true,
    strict: true,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split("\n").length;
    throw invalid(`not JSON or YAML: ${error.code} in line ${line}`);
  }
  const content: unknown = toMaps(document, invalid);
  if (!(content instanceof Map)) throw invalid("it must be a mapping");
  const fields = new Map<string, unknown>();
  for (const [name, value] of content) {
    if (!["version", "id", "active", "keys"].includes(name)) {
      throw invalid(`unknown field ${JSON.stringify(name)}`);
    }
    fields.set(name, value);
  }
  return fields;
}

function toMaps(document: ReturnType<typeof parseDocument>, invalid: Invalid): unknown {
  try {
    return document.toJS({ mapAsMap: true, maxAliasCount: 0 });
  } catch {
    // The cause would quote the file.
    throw invalid("aliases are not allowed");
  }
}

function readKeys(value: unknown, invalid: Invalid): Map<string, KeyObject> {
  if (!(value instanceof Map) || value.size === 0) {
    throw invalid('"keys" must map at least one key id to a key');
  }
  if (value.size > KEYS_MAX) throw invalid(`"keys" has ${value.size} keys, at most ${KEYS_MAX}`);
  const keys = new Map<string, KeyObject>();
  for (const [id, encoded] of value) {
    if (typeof id !== "string" || !ID.test(id)) {
      throw invalid(`key id ${JSON.stringify(id).slice(0, 80)} must be ${ID_RULE}`);
    }
    keys.set(id, readKey(id, encoded, invalid));
  }
  refuseTwins(keys, invalid);
  return keys;
}

function readKey(id: string, encoded: unknown, invalid: Invalid): KeyObject {
  if (typeof encoded !== "string" || !BASE64.test(encoded)) {
    throw invalid(`key ${id} must be the base64 of ${KEY_BYTES} bytes`);
  }
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded) throw invalid(`key ${id} is not canonical base64`);
  if (bytes.every((byte) => byte === bytes[0])) throw invalid(`key ${id} is not random`);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** The same bytes under two ids would make a rotation that rotates nothing. */
function refuseTwins(keys: ReadonlyMap<string, KeyObject>, invalid: Invalid): void {
  const seen: { readonly id: string; readonly bytes: Buffer }[] = [];
  for (const [id, key] of keys) {
    const bytes = key.export();
    const twin = seen.find((other) => timingSafeEqual(other.bytes, bytes));
    if (twin !== undefined) throw invalid(`keys ${twin.id} and ${id} are the same`);
    seen.push({ id, bytes });
  }
  for (const { bytes } of seen) bytes.fill(0);
}
