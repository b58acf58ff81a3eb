/**
 * Where everything lives in the one ordered key space of the state (docs/adr/0002). The first byte
 * is a tag, so that one iterator sees one consistent state of data and meta data. Tags sort meta
 * data first, so that a scan reads the revision and then the keys in one pass.
 *
 *   0x01 name                              meta data
 *   0x02 key                               current record; raw order is the user's order
 *   0x03 ~era u64, escaped key, ~revision u64
 *                                          superseded record or tombstone, newest first
 *   0x04 revision u64, sub u32             events up to this one (event-codec.ts)
 *   0x05 … 0x0f                            kept free: leases, idempotency keys, transactions
 */
import { DecodeError } from "../codec/index.ts";
import { readU64, type Scratch, writeU64 } from "./record-codec.ts";
import type { Revision } from "./types.ts";
import { toRevision } from "./types.ts";

export const TAG_META = 0x01;
export const TAG_KEY = 0x02;
export const TAG_HISTORY = 0x03;
export const TAG_EVENT = 0x04;
/** First tag that this version does not know. */
export const TAG_END = 0x05;

export const EVENT_KEY_BYTES = 13;
const ESCAPE = 0x00;
const ESCAPED_ZERO = 0xff;
const TERMINATOR = 0x01;
const REVISION_BYTES = 8;
/** The tag and the era of a history key. */
const ERA_END = 1 + REVISION_BYTES;

/** A half-open range of stored keys; both ends always set. */
export interface KeyRange {
  readonly start: Uint8Array;
  /** Exclusive. */
  readonly end: Uint8Array;
}

/** Everything under one tag. */
export const tagRange = (tag: number): KeyRange => ({
  start: Uint8Array.of(tag),
  end: Uint8Array.of(tag + 1),
});

/**
 * The first key behind all keys that start with `prefix`, for use as the end of a range. Empty (to
 * the last key) when there is none: for an empty prefix and for one of 0xff bytes only.
 */
export const prefixEnd = (prefix: Uint8Array): Uint8Array => {
  for (let at = prefix.length - 1; at >= 0; at -= 1) {
    const byte = prefix[at] ?? 0xff;
    if (byte === 0xff) continue;
    // Not `slice`: that of a Buffer is a view, and the prefix itself would change.
    const end = Uint8Array.from(prefix.subarray(0, at + 1));
    end[at] = byte + 1;
    return end;
  }
  return new Uint8Array(0);
};

/** Where the current record of `key` is. */
export const currentKey = (key: Uint8Array): Uint8Array => {
  const stored = new Uint8Array(1 + key.length);
  stored[0] = TAG_KEY;
  stored.set(key, 1);
  return stored;
};

/** Current records of user keys in [start, end); an empty end: to the last key. */
export const currentRange = (start: Uint8Array, end: Uint8Array): KeyRange => ({
  start: currentKey(start),
  end: end.length === 0 ? Uint8Array.of(TAG_KEY + 1) : currentKey(end),
});

/**
 * The history is kept in eras, newest first, so that old ones go as a whole. An era is named by its
 * first revision and holds what was superseded from then on until the next one's first.
 */
export const eraRange = (era: Revision): KeyRange => ({
  start: eraPrefix(era),
  end: eraPrefix(toRevision(era - 1)),
});

/** History of user keys in [start, end) in one era; an empty end: to the last key. */
export const historyRange = (era: Revision, start: Uint8Array, end: Uint8Array): KeyRange => ({
  start: historyPrefix({ era, key: start }, TERMINATOR),
  end: end.length === 0 ? eraRange(era).end : historyPrefix({ era, key: end }, TERMINATOR),
});

/** Where a version is once it is superseded, or the tombstone of a deletion. */
export interface HistoryPlace {
  /** In which it was superseded; of a tombstone: in which the key was deleted. */
  readonly era: Revision;
  readonly key: Uint8Array;
  /** Which made the version; of a tombstone: which deleted the key. */
  readonly revision: Revision;
}

/** The end of all versions of `key` in an era. */
export const historyEnd = (place: Pick<HistoryPlace, "era" | "key">): Uint8Array =>
  historyPrefix(place, TERMINATOR + 1);

export const historyKey = (place: HistoryPlace): Uint8Array => {
  const bytes = new Uint8Array(historyKeyBytes(place.key));
  writeHistoryKey({ bytes, view: new DataView(bytes.buffer) }, 0, place);
  return bytes;
};

/** Bytes of a history key. */
export const historyKeyBytes = (key: Uint8Array): number => {
  return ERA_END + escapedBytes(key) + 2 + REVISION_BYTES;
};

/**
 * Encodes a history key at `at`. A zero byte becomes 00 FF and the key ends with 00 01: order is
 * kept, and no key's versions lie among another's (`a` and `a\0`). Eras and revisions are inverted,
 * so that the newest comes first. @returns the offset behind it
 */
export const writeHistoryKey = (scratch: Scratch, at: number, place: HistoryPlace): number => {
  const { bytes, view } = scratch;
  bytes[at] = TAG_HISTORY;
  writeInverted(view, at + 1, place.era);
  const next = writeEscaped(bytes, at + ERA_END, place.key);
  bytes[next] = ESCAPE;
  bytes[next + 1] = TERMINATOR;
  writeInverted(view, next + 2, place.revision);
  return next + 2 + REVISION_BYTES;
};

const writeInverted = (view: DataView, at: number, revision: Revision): void => {
  view.setUint32(at, ~Math.floor(revision / 2 ** 32) >>> 0);
  view.setUint32(at + 4, ~(revision % 2 ** 32) >>> 0);
};

/** @throws DecodeError above 2^53 - 1 */
const readInverted = (view: DataView, at: number): Revision => {
  const high = ~view.getUint32(at) >>> 0;
  const revision = high * 2 ** 32 + (~view.getUint32(at + 4) >>> 0);
  if (!Number.isSafeInteger(revision)) throw new DecodeError("history revision above 2^53 - 1");
  return toRevision(revision);
};

const eraPrefix = (era: Revision): Uint8Array => {
  const bytes = new Uint8Array(ERA_END);
  bytes[0] = TAG_HISTORY;
  writeInverted(new DataView(bytes.buffer), 1, era);
  return bytes;
};

const escapedBytes = (key: Uint8Array): number => {
  if (!key.includes(ESCAPE)) return key.length;
  let zeros = 0;
  for (const byte of key) if (byte === ESCAPE) zeros += 1;
  return key.length + zeros;
};

const writeEscaped = (bytes: Uint8Array, at: number, key: Uint8Array): number => {
  if (!key.includes(ESCAPE)) {
    bytes.set(key, at);
    return at + key.length;
  }
  let next = at;
  for (const byte of key) {
    bytes[next] = byte;
    next += 1;
    if (byte !== ESCAPE) continue;
    bytes[next] = ESCAPED_ZERO;
    next += 1;
  }
  return next;
};

const historyPrefix = (
  place: Pick<HistoryPlace, "era" | "key">,
  terminator: number,
): Uint8Array => {
  const bytes = new Uint8Array(historyKeyBytes(place.key) - REVISION_BYTES);
  bytes.set(eraPrefix(place.era));
  const next = writeEscaped(bytes, ERA_END, place.key);
  bytes[next] = ESCAPE;
  bytes[next + 1] = terminator;
  return bytes;
};

/** @throws DecodeError when the bytes are no history key */
export const decodeHistoryKey = (stored: Uint8Array): HistoryPlace => {
  const keyEnd = stored.length - REVISION_BYTES - 2;
  if (keyEnd < ERA_END || stored[0] !== TAG_HISTORY || stored[keyEnd] !== ESCAPE) {
    throw new DecodeError(`${stored.length} bytes are no history key`);
  }
  if (stored[keyEnd + 1] !== TERMINATOR) throw new DecodeError("a history key without terminator");
  const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  return {
    era: readInverted(view, 1),
    key: unescapeKey(stored.subarray(ERA_END, keyEnd)),
    revision: readInverted(view, keyEnd + 2),
  };
};

const unescapeKey = (escaped: Uint8Array): Uint8Array => {
  if (!escaped.includes(ESCAPE)) return escaped;
  const key = new Uint8Array(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at += 1) {
    const byte = escaped[at] ?? 0;
    key[length] = byte;
    length += 1;
    if (byte !== ESCAPE) continue;
    at += 1;
    if (escaped[at] !== ESCAPED_ZERO) throw new DecodeError("a broken escape in a history key");
  }
  return key.subarray(0, length);
};

/** Where an event is: `sub` counts the changes of one revision from 0. */
export interface EventPlace {
  readonly revision: Revision;
  readonly sub: number;
}

export const eventKey = (place: EventPlace): Uint8Array => {
  const bytes = new Uint8Array(EVENT_KEY_BYTES);
  writeEventKey({ bytes, view: new DataView(bytes.buffer) }, 0, place);
  return bytes;
};

/** Encodes an event's key at `at`. @returns the offset behind it */
export const writeEventKey = (scratch: Scratch, at: number, place: EventPlace): number => {
  scratch.bytes[at] = TAG_EVENT;
  writeU64(scratch.view, at + 1, place.revision);
  scratch.view.setUint32(at + 9, place.sub);
  return at + EVENT_KEY_BYTES;
};

/** @throws DecodeError when the bytes are no event key */
export const decodeEventKey = (stored: Uint8Array): EventPlace => {
  if (stored.length !== EVENT_KEY_BYTES || stored[0] !== TAG_EVENT) {
    throw new DecodeError(`${stored.length} bytes are no event key`);
  }
  const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  return { revision: toRevision(readU64(view, 1)), sub: view.getUint32(9) };
};
