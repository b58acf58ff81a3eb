/**
 * Where each entry of the log lies: one row per frame in typed arrays (28 bytes a row), ascending
 * and without gaps. Rows are added and cut at the end, dropped at the front. Knows no files.
 */

export interface FrameRow {
  /** First index of the frame. */
  readonly firstIndex: number;
  /** Entries in the frame, also those that a later frame replaced. */
  readonly count: number;
  readonly segment: number;
  readonly position: number;
}

const INITIAL_ROWS = 256;

export class FrameTable {
  #firstIndex = new Float64Array(INITIAL_ROWS);
  #segment = new Float64Array(INITIAL_ROWS);
  #position = new Uint32Array(INITIAL_ROWS);
  #count = new Uint32Array(INITIAL_ROWS);
  #start = 0;
  #end = 0;

  get size(): number {
    return this.#end - this.#start;
  }

  add(row: FrameRow): void {
    if (this.#end === this.#firstIndex.length) this.#makeRoom();
    this.#firstIndex[this.#end] = row.firstIndex;
    this.#segment[this.#end] = row.segment;
    this.#position[this.#end] = row.position;
    this.#count[this.#end] = row.count;
    this.#end += 1;
  }

  /** Forgets entries from `index` on; the row that holds the entry before keeps its count. */
  cutFrom(index: number): void {
    while (this.#end > this.#start && (this.#firstIndex[this.#end - 1] ?? 0) >= index) {
      this.#end -= 1;
    }
  }

  /** Forgets the rows of all segments before this one. */
  dropBefore(segment: number): void {
    while (this.#start < this.#end && (this.#segment[this.#start] ?? 0) < segment) this.#start += 1;
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
  }

  /** The row that holds `index`; null when every row starts after it. */
  find(index: number): FrameRow | null {
    let low = this.#start;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firstIndex[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    if (low === this.#start) return null;
    const at = low - 1;
    return {
      firstIndex: this.#firstIndex[at] ?? 0,
      count: this.#count[at] ?? 0,
      segment: this.#segment[at] ?? 0,
      position: this.#position[at] ?? 0,
    };
  }

  /** First index of the row after the one that holds `index`; null when that is the last one. */
  nextFirstIndex(index: number): number | null {
    let low = this.#start;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firstIndex[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return low < this.#end ? (this.#firstIndex[low] ?? null) : null;
  }

  /** Moves the rows to the front, into arrays twice as large when more than half is in use. */
  #makeRoom(): void {
    const rows = this.size * 2 > this.#firstIndex.length ? this.#firstIndex.length * 2 : undefined;
    this.#firstIndex = this.#moved(this.#firstIndex, new Float64Array(rows ?? this.#end));
    this.#segment = this.#moved(this.#segment, new Float64Array(rows ?? this.#end));
    this.#position = this.#moved(this.#position, new Uint32Array(rows ?? this.#end));
    this.#count = this.#moved(this.#count, new Uint32Array(rows ?? this.#end));
    this.#end -= this.#start;
    this.#start = 0;
  }

  #moved<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(from: T, to: T): T {
    to.set(from.subarray(this.#start, this.#end));
    return to;
  }
}
