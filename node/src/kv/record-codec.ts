/**
 * The binary formats of what is stored for a key: a record, and the tombstone that marks a deletion
 * in the history. Written into a caller's buffer at an offset, because the state machine encodes
 * several of them per command and must not leave garbage behind.
 *
 *   record     version (1), kind (1), modRevision u64, createRevision u64, version u64, lease u64,
 *              then the sealed value up to the end
 *   tombstone  version (1), kind (2)
 */
import { DecodeError } from "../codec/index.ts";
import type { KvRecord } from "./types.ts";
import { toRevision } from "./types.ts";

const FORMAT_VERSION = 1;
const KIND_RECORD = 1;
const KIND_TOMBSTONE = 2;
const TWO_POW_32 = 2 ** 32;

/** Bytes of a record before its value. */
export const RECORD_HEADER_BYTES = 34;

/** What the history holds for a revision that deleted the key. Never mutate it. */
export const TOMBSTONE: Uint8Array = Uint8Array.of(FORMAT_VERSION, KIND_TOMBSTONE);

/** Writes a safe integer of at least 0 as 8 bytes, big-endian. */
export const writeU64 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, Math.floor(value / TWO_POW_32));
  view.setUint32(at + 4, value % TWO_POW_32);
};

/** @throws DecodeError above 2^53 - 1 */
export const readU64 = (view: DataView, at: number): number => {
  const value = view.getUint32(at) * TWO_POW_32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(value)) throw new DecodeError(`number above 2^53 - 1 at byte ${at}`);
  return value;
};

/** Bytes that `record` takes when encoded. */
export const recordBytes = (record: KvRecord): number => RECORD_HEADER_BYTES + record.value.length;

/** Where to write and read: one buffer, and a view that begins at its first byte. */
export interface Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Encodes `record` at `at`. @returns the offset behind it */
export const writeRecord = (scratch: Scratch, at: number, record: KvRecord): number => {
  const { bytes, view } = scratch;
  bytes[at] = FORMAT_VERSION;
  bytes[at + 1] = KIND_RECORD;
  writeU64(view, at + 2, record.modRevision);
  writeU64(view, at + 10, record.createRevision);
  writeU64(view, at + 18, record.version);
  writeU64(view, at + 26, record.lease);
  bytes.set(record.value, at + RECORD_HEADER_BYTES);
  return at + recordBytes(record);
};

export const encodeRecord = (record: KvRecord): Uint8Array => {
  const bytes = new Uint8Array(recordBytes(record));
  writeRecord({ bytes, view: new DataView(bytes.buffer) }, 0, record);
  return bytes;
};

/**
 * A record, or null for a tombstone. The value is a view on the input.
 * @throws DecodeError when the bytes are neither
 */
export const decodeVersion = (bytes: Uint8Array): KvRecord | null => {
  if (bytes[0] !== FORMAT_VERSION) throw new DecodeError(`unknown record format ${bytes[0]}`);
  if (bytes[1] === KIND_TOMBSTONE && bytes.length === TOMBSTONE.length) return null;
  if (bytes[1] !== KIND_RECORD || bytes.length < RECORD_HEADER_BYTES) {
    throw new DecodeError(`kind ${bytes[1]} in ${bytes.length} bytes is no record`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, RECORD_HEADER_BYTES);
  return readRecord({ bytes, view }, 0, bytes.length);
};

/**
 * The record that `writeRecord` put at `at`, up to `end`; its value is a view on the input.
 * @throws DecodeError when its numbers cannot be
 */
export const readRecord = ({ bytes, view }: Scratch, at: number, end: number): KvRecord => {
  const record = {
    modRevision: toRevision(readU64(view, at + 2)),
    createRevision: toRevision(readU64(view, at + 10)),
    version: readU64(view, at + 18),
    lease: readU64(view, at + 26),
    value: bytes.subarray(at + RECORD_HEADER_BYTES, end),
  };
  const { createRevision, modRevision, version } = record;
  // A change moves both numbers by at least one, so these hold for every record ever written.
  if (createRevision < 1 || version < 1 || modRevision - createRevision < version - 1) {
    throw new DecodeError(
      `impossible record: created ${createRevision}, modified ${modRevision}, version ${version}`,
    );
  }
  return record;
};

/** @throws DecodeError when the bytes are no record, also for a tombstone */
export const decodeRecord = (bytes: Uint8Array): KvRecord => {
  const record = decodeVersion(bytes);
  if (record === null) throw new DecodeError("a tombstone where a record must be");
  return record;
};
