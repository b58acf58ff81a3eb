/**
 * One growing buffer that is encoded into again and again. What is in it holds only until the next
 * `reserve`: nobody may keep a view on it.
 */
import type { Scratch } from "../../kv/index.ts";

const BYTES_MIN = 4096;
/** A larger buffer is given back after use, so that one huge value does not stay in memory. */
const BYTES_KEPT_MAX = 4 * 1024 * 1024;

export class ScratchBuffer implements Scratch {
  #bytes = new Uint8Array(BYTES_MIN);
  #view = new DataView(this.#bytes.buffer);
  /** The last slice of each use. */
  #slices: Uint8Array[] = [];

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Makes room for `count` bytes from offset 0. */
  reserve(count: number): this {
    const isTooLarge = this.#bytes.length > BYTES_KEPT_MAX && count <= BYTES_KEPT_MAX;
    if (count > this.#bytes.length || isTooLarge) {
      const wanted = Math.max(count, BYTES_MIN);
      this.#bytes = new Uint8Array(count > BYTES_KEPT_MAX ? wanted : wanted * 2);
      this.#view = new DataView(this.#bytes.buffer);
      this.#slices = [];
    }
    return this;
  }

  /**
   * The bytes from `start` to `end`, for the moment. `use` numbers what they are for: records of
   * one kind are often equally long, and then the last one's slice is given again, not made anew.
   */
  slice(use: number, start: number, end: number): Uint8Array {
    const last = this.#slices[use];
    if (last?.byteOffset === start && last.length === end - start) return last;
    const slice = this.#bytes.subarray(start, end);
    this.#slices[use] = slice;
    return slice;
  }
}
