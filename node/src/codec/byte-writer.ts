/**
 * Writes big-endian binary into one growing buffer. Used by every format of this project, on disk
 * and on the wire; it never hands out its buffer before `finish`, so nothing can change behind a
 * caller's back.
 */

const encoder = new TextEncoder();
const TWO_POW_32 = 0x1_0000_0000;

const SLAB_BYTES = 65_536;
/** Above it memory of its own is cheap beside what is written. */
const POOLED_BYTES_MAX = SLAB_BYTES / 16;

/** Memory that small results share, each in a part of its own. */
class Slab {
  readonly bytes = new Uint8Array(SLAB_BYTES);
  readonly view: DataView = new DataView(this.bytes.buffer);
  /** What was not given away yet begins here. */
  at = 0;
}

let slab = new Slab();

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  /** Where this writer's part of `#bytes` begins and ends, and where it writes next. */
  #start = 0;
  #end: number;
  #at = 0;

  /**
   * @param capacity bytes to allocate at first; a good guess saves copies.
   * @param memory `pooled` for many small results: memory of its own costs each of them more than
   *   the writing. What is pooled must not be transferred to another thread.
   */
  constructor(capacity: number = 256, memory: "own" | "pooled" = "own") {
    if (memory === "own" || capacity > POOLED_BYTES_MAX) {
      this.#bytes = new Uint8Array(capacity);
      this.#view = new DataView(this.#bytes.buffer);
      this.#end = capacity;
      return;
    }
    if (slab.at + capacity > SLAB_BYTES) slab = new Slab();
    this.#bytes = slab.bytes;
    this.#view = slab.view;
    this.#start = slab.at;
    this.#at = slab.at;
    slab.at += capacity;
    this.#end = slab.at;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at - this.#start;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** A safe integer of at least 0 as 8 bytes. */
  u64(value: number): this {
    const at = this.#reserve(8);
    this.#view.setUint32(at, Math.floor(value / TWO_POW_32));
    this.#view.setUint32(at + 4, value % TWO_POW_32);
    return this;
  }

  /** Bytes without their length. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Bytes after their length as u32. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  /** UTF-8 after its length as u32. */
  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** The bytes written, without a copy; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#at);
  }

  /** Call it in a statement of its own: it may replace `#bytes` and `#view`. */
  #reserve(count: number): number {
    if (this.#at + count > this.#end) this.#grow(count);
    const at = this.#at;
    this.#at += count;
    return at;
  }

  /** Moves to memory of its own with room for `count` more bytes. */
  #grow(count: number): void {
    const { length } = this;
    const grown = new Uint8Array(Math.max(length + count, length * 2));
    grown.set(this.#bytes.subarray(this.#start, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
    this.#start = 0;
    this.#at = length;
    this.#end = grown.length;
  }
}
