/**
 * The binary format of an event in the index by revision: what changed at (revision, sub). It holds
 * the revision that was superseded, so that what a watch tells of it is found without a search.
 *
 *   event  version (1), type (1 put, 2 delete), previousRevision u64 (0: the key did not exist),
 *          then the raw key up to the end
 *   block  version (1), then for each event u32 length, its place as in key-space.ts, the event
 *
 * A block holds consecutive events and lies at the place of the last one, so that the first block
 * at or after a place is the one with its event. How many are in one is no part of the replicated
 * state.
 */
import { ByteReader, DecodeError } from "../codec/index.ts";
import { decodeEventKey, EVENT_KEY_BYTES, type EventPlace } from "./key-space.ts";
import { readU64, type Scratch, writeU64 } from "./record-codec.ts";
import type { Revision } from "./types.ts";
import { toRevision } from "./types.ts";

const FORMAT_VERSION = 1;
const TYPE_NUMBERS = { put: 1, delete: 2 } as const;
const HEADER_BYTES = 10;

/** The first byte of a block. */
export const EVENT_BLOCK_FORMAT = 1;
/** Bytes of the length before each event of a block. */
export const EVENT_LENGTH_BYTES = 4;

/** An event as stored, without its place. */
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

/** The events of a block, in order; keys are views on it. @throws DecodeError */
export const decodeEventBlock = (bytes: Uint8Array): readonly (EventPlace & StoredEvent)[] => {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== EVENT_BLOCK_FORMAT) throw new DecodeError(`event block of format ${format}`);
  const events = [];
  while (reader.remaining > 0) {
    const event = reader.bytes();
    const place = decodeEventKey(event.subarray(0, EVENT_KEY_BYTES));
    events.push({ ...place, ...decodeEvent(event.subarray(EVENT_KEY_BYTES)) });
  }
  return events;
};

const eventType = (number: number | undefined): StoredEvent["type"] => {
  if (number === TYPE_NUMBERS.put) return "put";
  if (number === TYPE_NUMBERS.delete) return "delete";
  throw new DecodeError(`unknown event type ${number}`);
};
