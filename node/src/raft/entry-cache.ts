/**
 * The recent tail of the log in memory, bounded in bytes. It is only a cache: whatever it dropped
 * is read from the store. The newest entry is always kept.
 */
import { assertInvariant } from "./assertion.ts";
import type { Entry, LogIndex } from "./types.ts";

export class EntryCache {
  #entries: Entry[] = [];
  /** Position of the oldest entry kept; what is before it waits to be given back. */
  #head = 0;
  #bytes = 0;

  /** Bytes of the data of the entries kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Index of the oldest entry kept; null when there is none. */
  get firstIndex(): LogIndex | null {
    return this.#entries[this.#head]?.index ?? null;
  }

  /** @throws InvariantViolation on a gap. */
  push(entry: Entry): void {
    const last = this.#entries.length > this.#head ? this.#entries.at(-1) : undefined;
    assertInvariant(
      last === undefined || entry.index === last.index + 1,
      () => `entry ${entry.index} cached after ${last?.index}`,
    );
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
  }

  truncateFrom(index: LogIndex): void {
    while (this.#entries.length > this.#head) {
      const last = this.#entries.at(-1);
      if (last === undefined || last.index < index) return;
      this.#entries.pop();
      this.#bytes -= last.data.length;
    }
  }

  /** Drops the oldest entries until at most `bytesMax` are kept. */
  evict(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#entries.length - this.#head > 1) this.#dropOldest();
    this.#giveBack();
  }

  /** Drops everything up to and including `index`. */
  dropThrough(index: LogIndex): void {
    while ((this.firstIndex ?? Number.POSITIVE_INFINITY) <= index) this.#dropOldest();
    this.#giveBack();
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  holds(index: LogIndex): boolean {
    const first = this.firstIndex;
    return first !== null && index >= first;
  }

  /** Entries from `from`, which is held, as many as `bytesMax` allows and at least one. */
  slice(from: LogIndex, bytesMax: number): readonly Entry[] {
    const start = this.#head + from - (this.firstIndex ?? from);
    let end = start;
    let bytes = 0;
    for (; end < this.#entries.length; end += 1) {
      bytes += this.#entries[end]?.data.length ?? 0;
      if (bytes > bytesMax && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  #dropOldest(): void {
    this.#bytes -= this.#entries[this.#head]?.data.length ?? 0;
    this.#head += 1;
  }

  /** Copies what is kept once half of the array is waste, so that a drop costs O(1) on average. */
  #giveBack(): void {
    if (this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
