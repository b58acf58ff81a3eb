/** Gathers one page of a scan within its limits, and counts on when that was asked for. */
import type { KeyValue, ScanRequest } from "../../replica/index.ts";

const NO_VALUE = new Uint8Array(0);

export class PageBuilder {
  readonly #request: ScanRequest;
  readonly #rows: KeyValue[] = [];
  #bytes = 0;
  #count = 0;
  #hasMore = false;

  constructor(request: ScanRequest) {
    this.#request = request;
  }

  /** Nothing that could still come would change the answer. */
  get isComplete(): boolean {
    return this.#hasMore && this.#count >= this.#request.countMax;
  }

  /** Takes the next row of the range. */
  add(row: KeyValue): void {
    const { limit, bytesMax, keysOnly, countMax } = this.#request;
    if (this.#count < countMax) this.#count += 1;
    if (this.#hasMore) return;
    const value = keysOnly ? NO_VALUE : row.record.value;
    const bytes = row.key.length + value.length;
    const isTooMuch = this.#rows.length > 0 && this.#bytes + bytes > bytesMax;
    if (this.#rows.length >= limit || isTooMuch) {
      this.#hasMore = true;
      return;
    }
    this.#bytes += bytes;
    this.#rows.push({ key: row.key, record: { ...row.record, value } });
  }

  finish(): {
    readonly rows: readonly KeyValue[];
    readonly more: boolean;
    readonly count: number;
  } {
    return { rows: this.#rows, more: this.#hasMore, count: this.#count };
  }
}
