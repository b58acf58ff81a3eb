/**
 * Keys and values as the caller gives them and gets them: bytes, with text and JSON a step away.
 */
import type { JsonKey } from "@kvcluster/protocol";
import { KVClientError } from "./errors.ts";

/** A string is taken as UTF-8. */
export type Bytes = Uint8Array | string;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const toBytes = (data: Bytes): Uint8Array =>
  typeof data === "string" ? encoder.encode(data) : data;

/** How long a key may be is the node's to say. @throws KVClientError INVALID_KEY when empty */
export function toKey(key: Bytes): Uint8Array {
  const bytes = toBytes(key);
  if (bytes.byteLength > 0) return bytes;
  throw new KVClientError("INVALID_KEY", { message: "an empty key" });
}

/** Text when the bytes are UTF-8, else null. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    // Not UTF-8: that is the answer.
    return null;
  }
}

/** A key in the form of the protocol's JSON documents. */
export function toJsonKey(key: Bytes): JsonKey {
  const bytes = toKey(key);
  const text = textOf(bytes);
  return text === null ? { keyBase64: toBase64(bytes) } : { key: text };
}

export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

export const fromBase64 = (text: string): Uint8Array => Buffer.from(text, "base64");

/** A key that exists, as a read gives it. */
export class Entry {
  readonly key: Uint8Array;
  /** Empty when only keys were asked for. */
  readonly value: Uint8Array;
  /** Revision of its last change: what compare-and-set expects. */
  readonly modRevision: number;
  readonly createRevision: number;
  /** Changes since it came into being, from 1. */
  readonly version: number;

  constructor(fields: Pick<Entry, "key" | "value" | "modRevision" | "createRevision" | "version">) {
    this.key = fields.key;
    this.value = fields.value;
    this.modRevision = fields.modRevision;
    this.createRevision = fields.createRevision;
    this.version = fields.version;
  }

  /** The key as text; bytes that are not UTF-8 are shown as U+FFFD. */
  keyText(): string {
    return new TextDecoder().decode(this.key);
  }

  /** The value as text; bytes that are not UTF-8 are shown as U+FFFD. */
  text(): string {
    return new TextDecoder().decode(this.value);
  }

  /** @throws SyntaxError when the value is not JSON */
  json(): unknown {
    return JSON.parse(this.text());
  }
}
