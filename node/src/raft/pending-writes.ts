/**
 * Which writes are on their way to the disk, and what the end of each will prove. An entry may be
 * overwritten while its write is under way, and overwritten again by the very entry it was (the
 * append-ack ABA race); so what a write proves shrinks with every truncation after it.
 */
import { lowerIndex } from "./log-index.ts";
import type { LogIndex, Term } from "./types.ts";

interface PendingWrite {
  /** Its last entry, by which the driver reports it. */
  readonly index: LogIndex;
  readonly term: Term;
  /** Every entry up to here is in the log now and durable once the write is. */
  proves: LogIndex;
}

export class PendingWrites {
  #writes: PendingWrite[] = [];
  #head = 0;

  /** Writes not yet reported. */
  get length(): number {
    return this.#writes.length - this.#head;
  }

  /** A write whose last entry is (`index`, `term`) was handed to the driver. */
  add(index: LogIndex, term: Term): void {
    this.#writes.push({ index, term, proves: index });
  }

  /** The log was cut: no write under way proves an entry from `index` on any more. */
  truncateTo(last: LogIndex): void {
    for (let at = this.#head; at < this.#writes.length; at += 1) {
      const write = this.#writes[at];
      if (write !== undefined) write.proves = lowerIndex(write.proves, last);
    }
  }

  /**
   * The write that ended with (`index`, `term`) is durable, and so is every write before it.
   * @returns the highest index that this proves; null when no such write is under way.
   */
  complete(index: LogIndex, term: Term): LogIndex | null {
    for (let at = this.#head; at < this.#writes.length; at += 1) {
      const write = this.#writes[at];
      if (write === undefined || write.index !== index || write.term !== term) continue;
      this.#head = at + 1;
      this.#giveBack();
      return write.proves;
    }
    return null;
  }

  #giveBack(): void {
    if (this.#head * 2 <= this.#writes.length) return;
    this.#writes = this.#writes.slice(this.#head);
    this.#head = 0;
  }
}
