/**
 * The binary format of an event in the index by revision: what changed at (revision, sub). It holds
 * the revision that was superseded, so that compaction removes it without looking for it.
 *
 *   version (1), type (1 put, 2 delete), previousRevision u64 (0: the key did not exist), then the
 *   raw key up to the end
 */
import { DecodeError } from "../codec/index.ts";
import { readU64, type Scratch, writeU64 } from "./record-codec.ts";
import type { Revision } from "./types.ts";
import { toRevision } from "./types.ts";

const FORMAT_VERSION = 1;
const TYPE_NUMBERS = { put: 1, delete: 2 } as const;
const HEADER_BYTES = 10;

/** An event as stored; its revision is in its place (key-space.ts). */
export interface StoredEvent {
  readonly type: "put" | "delete";
  readonly key: Uint8Array;
  /** modRevision of the record that this event superseded; 0: it created the key. */
  readonly previousRevision: Revision;
}

export const eventBytes = (key: Uint8Array): number => HEADER_BYTES + key.length;

/** Encodes `event` at `at`. @returns the offset behind it */
export const writeEvent = (scratch: Scratch, at: number, event: StoredEvent): number => {
  scratch.bytes[at] = FORMAT_VERSION;
  scratch.bytes[at + 1] = TYPE_NUMBERS[event.type];
  writeU64(scratch.view, at + 2, event.previousRevision);
  scratch.bytes.set(event.key, at + HEADER_BYTES);
  return at + eventBytes(event.key);
};

/** @throws DecodeError when the bytes are no event */
export const decodeEvent = (bytes: Uint8Array): StoredEvent => {
  if (bytes.length <= HEADER_BYTES || bytes[0] !== FORMAT_VERSION) {
    throw new DecodeError(`${bytes.length} bytes of format ${bytes[0]} are no event`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  return {
    type: eventType(bytes[1]),
    key: bytes.subarray(HEADER_BYTES),
    previousRevision: toRevision(readU64(view, 2)),
  };
};

const eventType = (number: number | undefined): StoredEvent["type"] => {
  if (number === TYPE_NUMBERS.put) return "put";
  if (number === TYPE_NUMBERS.delete) return "delete";
  throw new DecodeError(`unknown event type ${number}`);
};
