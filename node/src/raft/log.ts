/**
 * The log as the core sees it: the term of every index after the compacted prefix, the recent
 * entries, and how far this node's disk has them. Never touches the disk, never holds old entries.
 */
import { assertInvariant } from "./assertion.ts";
import { EntryCache } from "./entry-cache.ts";
import { indexAfter, indexBefore } from "./log-index.ts";
import { PendingWrites } from "./pending-writes.ts";
import { type TermRun, TermRuns } from "./term-runs.ts";
import type { Entry, LogIndex, RaftRestore, Term } from "./types.ts";

export class RaftLog {
  readonly #cache = new EntryCache();
  readonly #pendingWrites = new PendingWrites();
  #runs: TermRuns;
  #compactedIndex: LogIndex;
  #compactedTerm: Term;
  #lastIndex: LogIndex;
  #persistedIndex: LogIndex;
  /** The last slice, shared by followers at the same position so that it is encoded once. */
  #lastSlice: { from: LogIndex; bytesMax: number; entries: readonly Entry[] } | null = null;

  constructor(
    restore: Pick<RaftRestore, "compactedIndex" | "compactedTerm" | "termRuns" | "lastIndex">,
  ) {
    this.#compactedIndex = restore.compactedIndex;
    this.#compactedTerm = restore.compactedTerm;
    this.#lastIndex = restore.lastIndex;
    this.#persistedIndex = restore.lastIndex;
    this.#runs = new TermRuns(restore.termRuns);
    const first = restore.termRuns[0]?.index ?? indexAfter(restore.lastIndex);
    assertInvariant(
      first === restore.compactedIndex + 1 &&
        (this.#runs.all.at(-1)?.index ?? 0) <= this.#lastIndex,
      () =>
        `restored log: compacted ${this.#compactedIndex}, runs from ${first}, ` +
        `last ${this.#lastIndex}`,
    );
  }

  get compactedIndex(): LogIndex {
    return this.#compactedIndex;
  }

  get firstIndex(): LogIndex {
    return indexAfter(this.#compactedIndex);
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get lastTerm(): Term {
    return this.#runs.all.at(-1)?.term ?? this.#compactedTerm;
  }

  /** Every entry up to here is durable on this node. */
  get persistedIndex(): LogIndex {
    return this.#persistedIndex;
  }

  /** Runs of equal terms after the compacted prefix, for checks. */
  get termRuns(): readonly TermRun[] {
    return this.#runs.all;
  }

  /** The term at `index`; null when it is compacted away or after the end. */
  term(index: LogIndex): Term | null {
    if (index > this.#lastIndex || index < this.#compactedIndex) return null;
    if (index === this.#compactedIndex) return this.#compactedTerm;
    return this.#runs.termAt(index);
  }

  /** Whether a log that ends with (`index`, `term`) has all that is committed here (§5.4.1). */
  isUpToDate(index: LogIndex, term: Term): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.#lastIndex);
  }

  append(entry: Entry): void {
    assertInvariant(
      entry.index === this.#lastIndex + 1 && entry.term >= this.lastTerm,
      () =>
        `append (${entry.index}, term ${entry.term}) after (${this.#lastIndex}, ${this.lastTerm})`,
    );
    this.#runs.append(entry.index, entry.term);
    this.#cache.push(entry);
    this.#lastIndex = entry.index;
    this.#lastSlice = null;
  }

  /** Forgets every entry from `index` on, because the leader has others there (§5.3). */
  truncateFrom(index: LogIndex): void {
    const last = indexBefore(index);
    assertInvariant(
      index > this.#compactedIndex,
      () => `truncate from ${index}, compacted ${this.#compactedIndex}`,
    );
    this.#runs.truncateFrom(index);
    this.#cache.truncateFrom(index);
    this.#pendingWrites.truncateTo(last);
    this.#lastIndex = last;
    if (this.#persistedIndex > last) this.#persistedIndex = last;
    this.#lastSlice = null;
  }

  /** A write that ends with the last entry was handed to the driver. */
  writeIssued(): void {
    this.#pendingWrites.add(this.#lastIndex, this.lastTerm);
  }

  /** The write that ended with (`index`, `term`) is durable. An unknown one proves nothing. */
  writePersisted(index: LogIndex, term: Term): void {
    const proven = this.#pendingWrites.complete(index, term);
    if (proven !== null && proven > this.#persistedIndex) this.#persistedIndex = proven;
  }

  /** Whether the entries from `from` to the end are in memory. */
  holds(from: LogIndex): boolean {
    return this.#cache.holds(from);
  }

  /** Entries from `from`, which are in memory, as many as `bytesMax` allows and at least one. */
  slice(from: LogIndex, bytesMax: number): readonly Entry[] {
    const last = this.#lastSlice;
    if (last !== null && last.from === from && last.bytesMax === bytesMax) return last.entries;
    const entries = this.#cache.slice(from, bytesMax);
    this.#lastSlice = { from, bytesMax, entries };
    return entries;
  }

  /** Keeps at most `bytesMax` of the recent entries in memory. */
  evict(bytesMax: number): void {
    if (this.#cache.bytes > bytesMax) this.#cache.evict(bytesMax);
    this.#lastSlice = null;
  }

  /**
   * The highest index at or below `index` whose term is at most `term`: where a log that has `term`
   * at `index` may begin to agree with this one. Used by both sides to skip whole terms (§5.3).
   */
  lastAtMost(
    index: LogIndex,
    term: Term,
  ): { readonly index: LogIndex; readonly term: Term | null } {
    if (index <= this.#compactedIndex) return { index, term: this.term(index) };
    return (
      this.#runs.lastAtMost(index, term) ?? {
        index: this.#compactedIndex,
        term: this.#compactedTerm,
      }
    );
  }

  /** The store dropped its log up to `index`, whose entry has `term`. An older call is ignored. */
  compact(index: LogIndex, term: Term): void {
    if (index <= this.#compactedIndex) return;
    assertInvariant(
      this.term(index) === term,
      () => `compacted (${index}, term ${term}), but the log has term ${this.term(index)} there`,
    );
    if (index === this.#lastIndex) this.#runs = new TermRuns([]);
    else this.#runs.dropBefore(indexAfter(index));
    this.#cache.dropThrough(index);
    this.#compactedIndex = index;
    this.#compactedTerm = term;
    this.#lastSlice = null;
  }

  /** The log is replaced by a snapshot that ends at (`index`, `term`). */
  reset(index: LogIndex, term: Term): void {
    this.#runs = new TermRuns([]);
    this.#cache.clear();
    this.#pendingWrites.truncateTo(index);
    this.#compactedIndex = index;
    this.#compactedTerm = term;
    this.#lastIndex = index;
    this.#persistedIndex = index;
    this.#lastSlice = null;
  }

  /** A durable snapshot covers everything up to `index`, which this log holds. */
  persistedBySnapshot(index: LogIndex): void {
    if (index > this.#persistedIndex) this.#persistedIndex = index;
  }
}
