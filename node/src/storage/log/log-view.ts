/**
 * The log as it reads, in memory: its bounds, where each entry lies, terms and configurations. Both
 * the scan at start and every append go through it, so both see the same log. Knows no files.
 */
import type { Entry } from "../../raft/index.ts";
import type { EntryBlock } from "./entry-block.ts";
import { type FrameRow, FrameTable } from "./frame-table.ts";
import { LogFacts, type TermRun } from "./log-facts.ts";

/** A frame with at least one entry, just written or just read. */
export interface NotedFrame {
  readonly segment: number;
  readonly position: number;
  readonly blocks: readonly EntryBlock[];
}

export class LogView {
  readonly #table = new FrameTable();
  readonly #facts = new LogFacts();
  #baseIndex = 0;
  #baseTerm = 0;
  #lastIndex = 0;

  /** Everything up to here is not in the log (any more). */
  get baseIndex(): number {
    return this.#baseIndex;
  }

  get baseTerm(): number {
    return this.#baseTerm;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** Term of the entry, also of the base; null when it is not in the log. */
  termAt(index: number): number | null {
    if (index === this.#baseIndex) return this.#baseTerm;
    if (index < this.#baseIndex || index > this.#lastIndex) return null;
    return this.#facts.termAt(index) ?? null;
  }

  termRuns(): readonly TermRun[] {
    return this.#facts.runsAfter(this.#baseIndex, this.#lastIndex);
  }

  configurationsAfter(index: number): readonly Entry[] {
    return this.#facts.configurationsAfter(index);
  }

  /** The frame that holds `index` and the last of its entries that is still in force. */
  find(index: number): { readonly row: FrameRow; readonly last: number } | null {
    const row = this.#table.find(index);
    if (row === null) return null;
    return { row, last: (this.#table.nextFirstIndex(index) ?? this.#lastIndex + 1) - 1 };
  }

  /** Takes a frame in, in the place of what was from its first entry on. */
  note({ segment, position, blocks }: NotedFrame): void {
    const firstIndex = blocks[0]?.firstIndex;
    if (firstIndex === undefined) return;
    let count = 0;
    for (const block of blocks) count += block.count;
    this.cutFrom(firstIndex);
    this.#table.add({ firstIndex, count, segment, position });
    for (const block of blocks) this.#facts.note(block);
    this.#lastIndex = firstIndex + count - 1;
  }

  /** Forgets the entries from `index` on. */
  cutFrom(index: number): void {
    if (index > this.#lastIndex) return;
    this.#table.cutFrom(index);
    this.#facts.cutFrom(index);
    this.#lastIndex = index - 1;
  }

  /** Forgets the entries up to `index` and the frames of all segments before `segment`. */
  dropTo(index: number, segment: number): void {
    this.#table.dropBefore(segment);
    if (index <= this.#baseIndex) return;
    this.#baseTerm = this.termAt(index) ?? 0;
    this.#baseIndex = index;
    this.#facts.dropTo(index);
  }

  /** An empty log after the entry (index, term). */
  restart(index: number, term: number): void {
    this.#table.clear();
    this.#facts.clear();
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#lastIndex = index;
  }
}
