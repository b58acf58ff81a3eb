/** How many bytes of proposals the leader has appended and not yet committed, by batch. */
import type { LogIndex } from "./types.ts";

interface Batch {
  lastIndex: LogIndex;
  bytes: number;
}

export class UncommittedBytes {
  #batches: Batch[] = [];
  #head = 0;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** `bytes` were appended at `index`; a batch ends with the step that made it. */
  add(index: LogIndex, bytes: number, isNewBatch: boolean): void {
    const last = this.#batches.length > this.#head ? this.#batches.at(-1) : undefined;
    this.#total += bytes;
    if (last === undefined || isNewBatch) {
      this.#batches.push({ lastIndex: index, bytes });
      return;
    }
    last.lastIndex = index;
    last.bytes += bytes;
  }

  commit(index: LogIndex): void {
    for (;;) {
      const oldest = this.#batches[this.#head];
      if (oldest === undefined || oldest.lastIndex > index) break;
      this.#total -= oldest.bytes;
      this.#head += 1;
    }
    if (this.#head * 2 <= this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#head);
    this.#head = 0;
  }
}
