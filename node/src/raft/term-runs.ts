/**
 * The term of every index of the log, held as runs of equal terms. There are as many runs as there
 * were elections, so the term of any entry is known without holding the entry.
 */
import { assertInvariant } from "./assertion.ts";
import { indexBefore } from "./log-index.ts";
import type { LogIndex, Term } from "./types.ts";

/** Where a run of entries with equal terms starts. */
export interface TermRun {
  readonly index: LogIndex;
  readonly term: Term;
}

export class TermRuns {
  #runs: TermRun[];

  /** @param runs ascending in index and term. */
  constructor(runs: readonly TermRun[]) {
    this.#runs = [];
    for (const run of runs) this.append(run.index, run.term);
  }

  /** The runs, oldest first. */
  get all(): readonly TermRun[] {
    return this.#runs;
  }

  /** Notes the term of the entry that is appended at `index`. Terms never fall along a log. */
  append(index: LogIndex, term: Term): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.term === term) return;
    assertInvariant(
      last === undefined || (term > last.term && index > last.index),
      () => `entry ${index} of term ${term} after a run of term ${last?.term} from ${last?.index}`,
    );
    this.#runs.push({ index, term });
  }

  /** The term at `index`, null before the first run. The caller checks the end of the log. */
  termAt(index: LogIndex): Term | null {
    return this.#runs[this.#runAt(index)]?.term ?? null;
  }

  /** Forgets every entry from `index` on. */
  truncateFrom(index: LogIndex): void {
    for (let last = this.#runs.at(-1); last !== undefined; last = this.#runs.at(-1)) {
      if (last.index < index) return;
      this.#runs.pop();
    }
  }

  /** Forgets every entry before `first`. */
  dropBefore(first: LogIndex): void {
    const at = this.#runAt(first);
    const run = this.#runs[at];
    if (run === undefined) return;
    this.#runs = [{ index: first, term: run.term }, ...this.#runs.slice(at + 1)];
  }

  /** The highest index at or below `index` whose term is at most `term`; null: none is held. */
  lastAtMost(index: LogIndex, term: Term): TermRun | null {
    let end = index;
    for (let at = this.#runAt(index); at >= 0; at -= 1) {
      const run = this.#runs[at];
      if (run === undefined) return null;
      if (run.term <= term) return { index: end, term: run.term };
      if (run.index === 0) return null;
      end = indexBefore(run.index);
    }
    return null;
  }

  /** Position of the run that holds `index`, -1 before the first. */
  #runAt(index: LogIndex): number {
    let low = 0;
    let high = this.#runs.length - 1;
    // The newest run answers nearly every question on the hot path.
    if (index >= (this.#runs[high]?.index ?? Number.POSITIVE_INFINITY)) return high;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.index ?? 0) <= index) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }
}
