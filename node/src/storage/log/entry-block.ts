/**
 * Log entries packed into one buffer: the form in which they cross to the worker thread, lie in the
 * log and come back. Entries of a block are contiguous, so an index is stored once for all. An
 * entry is: type u8, term u64, length u32, data. Never keeps state.
 */
import { ByteReader, ByteWriter, DecodeError } from "../../codec/index.ts";
import { type Entry, type EntryType, type LogIndex, toLogIndex, toTerm } from "../../raft/index.ts";

export interface EntryBlock {
  readonly firstIndex: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export const ENTRY_HEADER_BYTES = 13;

/** Position is the number on the disk; never reorder, only add. */
const TYPES: readonly EntryType[] = ["noop", "command", "configuration"];
export const CONFIGURATION_TYPE: number = TYPES.indexOf("configuration");

const TWO_POW_32 = 0x1_0000_0000;

export const EMPTY_BLOCK: EntryBlock = { firstIndex: 0, count: 0, bytes: new Uint8Array(0) };

/** Bytes that the entries take in a block. */
export const packedBytes = (entries: readonly Entry[]): number => {
  let bytes = 0;
  for (const entry of entries) bytes += ENTRY_HEADER_BYTES + entry.data.length;
  return bytes;
};

/** Packs contiguous entries. @throws RangeError when they are not contiguous */
export const packEntries = (entries: readonly Entry[]): EntryBlock => {
  const writer = new ByteWriter(packedBytes(entries));
  writeEntries(writer, entries);
  return { firstIndex: entries[0]?.index ?? 0, count: entries.length, bytes: writer.finish() };
};

export const writeEntries = (writer: ByteWriter, entries: readonly Entry[]): void => {
  let expected: number | undefined;
  for (const entry of entries) {
    if (expected !== undefined && entry.index !== expected) {
      throw new RangeError(`entries must be contiguous: got ${entry.index} after ${expected - 1}`);
    }
    expected = entry.index + 1;
    writer.u8(TYPES.indexOf(entry.type)).u64(entry.term).bytes(entry.data);
  }
};

/** Unpacks a block; `data` of the entries are views on its bytes. @throws DecodeError */
export const unpackEntries = (block: EntryBlock): Entry[] => {
  const reader = new ByteReader(block.bytes);
  const entries: Entry[] = [];
  for (let n = 0; n < block.count; n += 1) {
    entries.push(readEntry(reader, toLogIndex(block.firstIndex + n)));
  }
  reader.end();
  return entries;
};

const readEntry = (reader: ByteReader, index: LogIndex): Entry => {
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new DecodeError(`entry ${index} has an unknown type`);
  return { index, type, term: toTerm(reader.u64()), data: reader.bytes() };
};

/** What a walk over a block sees of an entry, without making objects. */
export interface VisitedEntry {
  readonly index: number;
  /** The number on the disk. */
  readonly type: number;
  readonly term: number;
  /** `start` and `end` bound the whole entry in the block's bytes. */
  readonly start: number;
  readonly end: number;
}

/**
 * Visits each entry; the object it hands over is reused. Faster than unpacking where only terms,
 * types or positions are wanted, as in the scan at start.
 * @throws DecodeError when the bytes are not `count` entries
 */
export const visitEntries = (block: EntryBlock, visit: (entry: VisitedEntry) => void): void => {
  const { bytes } = block;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entry = { index: block.firstIndex, type: 0, term: 0, start: 0, end: 0 };
  for (let n = 0; n < block.count; n += 1) {
    entry.start = entry.end;
    if (entry.start + ENTRY_HEADER_BYTES > bytes.length) throw shortBlock(entry.index);
    entry.type = view.getUint8(entry.start);
    entry.term = view.getUint32(entry.start + 1) * TWO_POW_32 + view.getUint32(entry.start + 5);
    entry.end = entry.start + ENTRY_HEADER_BYTES + view.getUint32(entry.start + 9);
    if (entry.end > bytes.length) throw shortBlock(entry.index);
    if (entry.type >= TYPES.length) {
      throw new DecodeError(`entry ${entry.index} has the unknown type ${entry.type}`);
    }
    visit(entry);
    entry.index += 1;
  }
  if (entry.end !== bytes.length) throw new DecodeError("bytes are left after the last entry");
};

const shortBlock = (index: number): DecodeError =>
  new DecodeError(`entry ${index} does not fit into its block`);

/** The part of a block with indexes in [from, to]; a view, not a copy. */
export const sliceBlock = (block: EntryBlock, from: number, to: number): EntryBlock => {
  const last = block.firstIndex + block.count - 1;
  if (from <= block.firstIndex && to >= last) return block;
  let start = block.bytes.length;
  let end = 0;
  visitEntries(block, (entry) => {
    if (entry.index === from || (entry.index === block.firstIndex && from < entry.index)) {
      start = entry.start;
    }
    if (entry.index <= to) end = entry.end;
  });
  const firstIndex = Math.max(from, block.firstIndex);
  const count = Math.min(to, last) - firstIndex + 1;
  if (count <= 0) return EMPTY_BLOCK;
  return { firstIndex, count, bytes: block.bytes.subarray(start, end) };
};

/**
 * The first entries of a block whose data come to at most `bytesMax`, but at least `countMin`.
 * @returns the shorter block, a view
 */
export const limitBlock = (block: EntryBlock, bytesMax: number, countMin: number): EntryBlock => {
  let last = block.firstIndex + countMin - 1;
  let bytes = 0;
  visitEntries(block, (entry) => {
    bytes += entry.end - entry.start - ENTRY_HEADER_BYTES;
    if (bytes <= bytesMax) last = Math.max(last, entry.index);
  });
  return sliceBlock(block, block.firstIndex, last);
};
