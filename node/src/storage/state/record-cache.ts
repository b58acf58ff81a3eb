/**
 * Records that were written last, so that an overwrite need not look up what it supersedes: that
 * took a quarter of the writing thread's time. One flat buffer, filled as a ring, and one array of
 * positions: nothing in it is an object, because a hundred thousand objects that outlive their
 * young generation cost V8's collector what the look-ups had cost (docs/adr/0002-state-layout.md).
 * It is only a cache: what it dropped is in the engine.
 *
 *   entry  key bytes u32 · record bytes u32 · key · record
 */
import { crc32 } from "node:zlib";
import {
  type KvRecord,
  readRecord,
  recordBytes,
  type Scratch,
  writeRecord,
} from "../../kv/index.ts";

const HEADER_BYTES = 8;
const WAYS = 4;
/** One position for so many bytes of the ring at most: entries are seldom smaller. */
const BYTES_PER_SLOT = 128;
/** A larger entry would push out hundreds of others. */
export const CACHED_ENTRY_BYTES_MAX: number = 16 * 1024;
/** The ring's first byte is never used, so it can stand for no position. */
const NOWHERE = 0;

/** A key with its hash, which is worked out once. */
export interface HashedKey {
  readonly key: Uint8Array;
  /** See `hashOf`. */
  readonly hash: number;
}

/** 32 bits as a signed integer, which V8 keeps without an object. */
export const hashOf = (key: Uint8Array): number => crc32(key) | 0;

export class RecordCache {
  readonly #ring: Scratch;
  readonly #ringBytes: number;
  /** Buckets of `WAYS` positions. A position counts bytes over all rounds of the ring. */
  readonly #slots: Float64Array;
  /** Where in the ring that is: a remainder of numbers this large costs as much as the look-up. */
  readonly #places: Int32Array;
  /** The hash of the key in each slot: what is not it need not be looked at in the ring. */
  readonly #hashes: Int32Array;
  readonly #bucketMask: number;
  /** Where the next entry begins. */
  #head = 1;

  /**
   * @param bytesMax of the ring, which is taken as it is filled
   * @throws RangeError when not even a few of the largest entries fit
   */
  constructor(bytesMax: number) {
    if (!(bytesMax >= 4 * CACHED_ENTRY_BYTES_MAX)) {
      throw new RangeError(`a record cache of ${bytesMax} bytes is too small`);
    }
    const bytes = new Uint8Array(bytesMax);
    this.#ring = { bytes, view: new DataView(bytes.buffer) };
    this.#ringBytes = bytesMax;
    const buckets = 2 ** Math.floor(Math.log2(bytesMax / BYTES_PER_SLOT / WAYS));
    this.#slots = new Float64Array(buckets * WAYS);
    this.#places = new Int32Array(buckets * WAYS);
    this.#hashes = new Int32Array(buckets * WAYS);
    this.#bucketMask = buckets - 1;
  }

  /** @returns the record, whose value is a view that holds until the next `set` */
  get(hashed: HashedKey): KvRecord | undefined {
    const slot = this.#find(hashed);
    if (slot < 0) return undefined;
    const at = this.#placeIn(slot);
    const recordAt = at + HEADER_BYTES + hashed.key.length;
    return readRecord(this.#ring, recordAt, recordAt + this.#ring.view.getUint32(at + 4));
  }

  /** Takes a record in; its value must not be a view that `get` gave. */
  set(hashed: HashedKey, record: KvRecord): void {
    const { key } = hashed;
    const bytes = recordBytes(record);
    const known = this.#find(hashed);
    if (HEADER_BYTES + key.length + bytes > CACHED_ENTRY_BYTES_MAX) {
      if (known >= 0) this.#slots[known] = NOWHERE;
    } else if (known >= 0 && this.#ring.view.getUint32(this.#placeIn(known) + 4) === bytes) {
      writeRecord(this.#ring, this.#placeIn(known) + HEADER_BYTES + key.length, record);
    } else {
      const slot = known >= 0 ? known : this.#oldestSlot(hashed.hash);
      this.#append(slot, hashed, record);
    }
  }

  delete(hashed: HashedKey): void {
    const slot = this.#find(hashed);
    if (slot >= 0) this.#slots[slot] = NOWHERE;
  }

  /** Slot of the entry with this key, if the ring still holds it; else -1. */
  #find({ key, hash }: HashedKey): number {
    const first = (hash & this.#bucketMask) * WAYS;
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (this.#hashes[slot] !== hash || !this.#isHeld(this.#slots[slot] ?? NOWHERE)) continue;
      if (this.#hasKey(slot, key)) return slot;
    }
    return -1;
  }

  /** What gives way in a full bucket; a slot that is free or whose entry is gone comes first. */
  #oldestSlot(hash: number): number {
    const first = (hash & this.#bucketMask) * WAYS;
    let oldest = first;
    for (let slot = first + 1; slot < first + WAYS; slot += 1) {
      if ((this.#slots[slot] ?? NOWHERE) < (this.#slots[oldest] ?? NOWHERE)) oldest = slot;
    }
    return oldest;
  }

  /** Writes an entry over the oldest ones. */
  #append(slot: number, { key, hash }: HashedKey, record: KvRecord): void {
    const bytes = recordBytes(record);
    const size = HEADER_BYTES + key.length + bytes;
    const left = this.#ringBytes - (this.#head % this.#ringBytes);
    // An entry lies in one piece.
    if (left < size) this.#head += left;
    const at = this.#head % this.#ringBytes;
    this.#ring.view.setUint32(at, key.length);
    this.#ring.view.setUint32(at + 4, bytes);
    this.#ring.bytes.set(key, at + HEADER_BYTES);
    writeRecord(this.#ring, at + HEADER_BYTES + key.length, record);
    this.#slots[slot] = this.#head;
    this.#places[slot] = at;
    this.#hashes[slot] = hash;
    this.#head += size;
  }

  #placeIn(slot: number): number {
    return this.#places[slot] ?? NOWHERE;
  }

  /** Nothing was written over it. */
  #isHeld(position: number): boolean {
    return position !== NOWHERE && position >= this.#head - this.#ringBytes;
  }

  #hasKey(slot: number, key: Uint8Array): boolean {
    const { bytes, view } = this.#ring;
    const at = this.#placeIn(slot);
    if (view.getUint32(at) !== key.length) return false;
    for (let n = 0; n < key.length; n += 1) {
      if (bytes[at + HEADER_BYTES + n] !== key[n]) return false;
    }
    return true;
  }
}
