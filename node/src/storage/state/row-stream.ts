/**
 * Cuts the row bytes of a snapshot back into rows, whatever the chunks were. Holds at most one row
 * that is not complete; a row that says it is larger than any can be is refused before it is held.
 */
import { DecodeError } from "../../codec/index.ts";
import type { EngineRow } from "./engine.ts";

const LENGTHS_BYTES = 8;
/** Far above the largest key and value that the HTTP face lets in. */
export const ROW_BYTES_MAX: number = 64 * 1024 * 1024;

export class RowStream {
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Bytes that the next row takes, as far as is known. */
  #needed = LENGTHS_BYTES;
  #rows = 0;
  #lastKey: Uint8Array | null = null;

  /** Complete rows so far. */
  get rows(): number {
    return this.#rows;
  }

  /** No row is half there. */
  get isAtBoundary(): boolean {
    return this.#held === 0;
  }

  /**
   * Adds bytes. @returns the rows that they complete, as views that hold until the next call
   * @throws DecodeError for a row that is too large or out of order
   */
  push(bytes: Uint8Array): readonly EngineRow[] {
    this.#pieces.push(bytes.slice());
    this.#held += bytes.length;
    const rows: EngineRow[] = [];
    // Pieces are joined only once they complete something, so each byte is copied few times.
    if (this.#held < this.#needed) return rows;
    const joined = Buffer.concat(this.#pieces);
    const used = this.#cut(joined, rows);
    this.#pieces = used < joined.length ? [joined.subarray(used)] : [];
    this.#held = joined.length - used;
    return rows;
  }

  /** @returns bytes that became rows */
  #cut(bytes: Uint8Array, rows: EngineRow[]): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (;;) {
      this.#needed = LENGTHS_BYTES;
      if (bytes.length - at < LENGTHS_BYTES) return at;
      const keyBytes = view.getUint32(at);
      const valueBytes = view.getUint32(at + 4);
      this.#needed = LENGTHS_BYTES + keyBytes + valueBytes;
      if (this.#needed > ROW_BYTES_MAX) throw new DecodeError(`a row of ${this.#needed} bytes`);
      if (bytes.length - at < this.#needed) return at;
      const keyAt = at + LENGTHS_BYTES;
      const valueAt = keyAt + keyBytes;
      const key = bytes.subarray(keyAt, valueAt);
      this.#assertAscending(key);
      rows.push({ key, value: bytes.subarray(valueAt, valueAt + valueBytes) });
      at += this.#needed;
    }
  }

  #assertAscending(key: Uint8Array): void {
    if (this.#lastKey !== null && Buffer.compare(this.#lastKey, key) >= 0) {
      throw new DecodeError("rows out of order");
    }
    this.#lastKey = key;
    this.#rows += 1;
  }
}
