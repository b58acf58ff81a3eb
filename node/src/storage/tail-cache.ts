/**
 * Appended entries that are not applied yet, still packed, so that applying needs neither a second
 * crossing of threads nor a read. Bounded: the oldest give way and are read from the log instead.
 */
import { type EntryBlock, sliceBlock } from "./log/entry-block.ts";

export class TailCache {
  readonly #bytesMax: number;
  #blocks: EntryBlock[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** First index that is held; null when none is. */
  get firstIndex(): number | null {
    return this.#blocks[0]?.firstIndex ?? null;
  }

  /** Takes a block in, in the place of entries from its first index on. */
  add(block: EntryBlock): void {
    if (block.count === 0) return;
    this.#cutFrom(block.firstIndex);
    this.#blocks.push(block);
    this.#bytes += block.bytes.length;
    while (this.#bytes > this.#bytesMax) this.#dropFirst();
  }

  /** Takes the entries from `from` to `to` out, and forgets those before; `from` must be held. */
  take(from: number, to: number): EntryBlock | null {
    for (;;) {
      const first = this.#blocks[0];
      if (first === undefined || first.firstIndex > from) return null;
      const last = first.firstIndex + first.count - 1;
      if (last <= to) this.#dropFirst();
      if (last >= from) return sliceBlock(first, from, to);
    }
  }

  clear(): void {
    this.#blocks = [];
    this.#bytes = 0;
  }

  #cutFrom(index: number): void {
    for (;;) {
      const last = this.#blocks.at(-1);
      if (last === undefined || last.firstIndex + last.count <= index) return;
      this.#blocks.pop();
      this.#bytes -= last.bytes.length;
      if (last.firstIndex >= index) continue;
      const kept = sliceBlock(last, last.firstIndex, index - 1);
      this.#blocks.push(kept);
      this.#bytes += kept.bytes.length;
      return;
    }
  }

  #dropFirst(): void {
    this.#bytes -= this.#blocks.shift()?.bytes.length ?? 0;
  }
}
