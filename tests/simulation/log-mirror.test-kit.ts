/**
 * What one node's disk must hold, by what the node asked its store to write and what the store said
 * is durable. The checker trusts this mirror, never the node's own word.
 */
import type { Entry, HardState, LogWrite } from "../../node/src/raft/index.ts";
import type { Recovered } from "../../node/src/replica/index.ts";
import { promise } from "./violation.test-kit.ts";

interface PendingWrite {
  readonly hardState: HardState | null;
  readonly entries: readonly Entry[];
  /** Term of the entry before the first one. */
  readonly previousTerm: number | null;
  /** Index of its last entry, lowered when a later write replaces it; 0: none. */
  upTo: number;
}

export class LogMirror {
  /** Everything up to here was dropped; its term is kept. */
  #base = 0;
  #baseTerm = 0;
  #terms: number[] = [];
  #durableIndex = 0;
  #durableHardState: HardState | null = null;
  readonly #pending: PendingWrite[] = [];

  get lastIndex(): number {
    return this.#base + this.#terms.length;
  }
  get baseIndex(): number {
    return this.#base;
  }
  get durableHardState(): HardState | null {
    return this.#durableHardState;
  }
  /** The latest term that the node is about to make durable, or has. */
  get writtenTerm(): number {
    const latest = this.#pending.findLast(({ hardState }) => hardState !== null)?.hardState;
    return (latest ?? this.#durableHardState)?.currentTerm ?? 0;
  }

  termAt(index: number): number | null {
    if (index === this.#base) return this.#baseTerm;
    return this.#terms[index - this.#base - 1] ?? null;
  }

  /** The entry (`index`, `term`) would survive a loss of power now. */
  holdsDurably(index: number, term: number): boolean {
    if (index <= this.#base) return true;
    return index <= this.#durableIndex && this.termAt(index) === term;
  }

  /** @returns how many entries were replaced */
  write(write: LogWrite, who: string): number {
    const [first] = write.entries;
    const previousTerm = first === undefined ? null : this.termAt(first.index - 1);
    const pending: PendingWrite = { ...write, previousTerm, upTo: 0 };
    this.#pending.push(pending);
    if (first === undefined) return 0;
    promise(first.index > this.#base && first.index <= this.lastIndex + 1, "no gap", () => {
      return `${who} appends ${first.index} to a log of (${this.#base}, ${this.lastIndex}]`;
    });
    const replaced = this.lastIndex - first.index + 1;
    this.#cut(first.index - 1);
    for (const entry of write.entries) this.#terms.push(entry.term);
    pending.upTo = this.lastIndex;
    return replaced;
  }

  /** The oldest write under way is durable. @returns what it wrote */
  wrote(): Pick<PendingWrite, "entries" | "previousTerm"> {
    const done = this.#pending.shift();
    if (done === undefined) throw new Error("a write ended that was not under way");
    this.#durableIndex = Math.max(this.#durableIndex, done.upTo);
    this.#durableHardState = done.hardState ?? this.#durableHardState;
    return done;
  }

  /** The store dropped its log up to `index`. */
  compacted(index: number): void {
    if (index <= this.#base) return;
    const term = this.termAt(index);
    if (term === null) throw new Error(`compacted to ${index} beyond ${this.lastIndex}`);
    this.#terms.splice(0, index - this.#base);
    this.#base = index;
    this.#baseTerm = term;
    this.#durableIndex = Math.max(this.#durableIndex, index);
  }

  /** A snapshot took the place of the log up to `index`. */
  installed(index: number, term: number): void {
    if (this.termAt(index) === term) {
      this.compacted(index);
      return;
    }
    this.#base = index;
    this.#baseTerm = term;
    this.#terms = [];
    this.#durableIndex = index;
    for (const pending of this.#pending) pending.upTo = 0;
  }

  /**
   * A new life found `recovered`; it must hold all that was durable.
   * @returns what was written by chance, though nobody was told that it was
   */
  restarted({ restore }: Recovered, who: string): readonly Entry[] {
    promise(restore.lastIndex >= restore.appliedIndex, "state not ahead of the log", () => {
      return `${who} applied ${restore.appliedIndex} of a log that ends at ${restore.lastIndex}`;
    });
    const terms: number[] = [];
    restore.termRuns.forEach((run, at) => {
      const end = restore.termRuns[at + 1]?.index ?? restore.lastIndex + 1;
      for (let index: number = run.index; index < end; index += 1) terms.push(run.term);
    });
    const termIn = (index: number): number | null =>
      index === restore.compactedIndex
        ? restore.compactedTerm
        : (terms[index - restore.compactedIndex - 1] ?? null);
    for (let index: number = restore.compactedIndex; index <= this.#durableIndex; index += 1) {
      const known = index < this.#base ? null : this.termAt(index);
      promise(known === null || known === termIn(index), "what is durable stays", () => {
        return `${who} lost ${index} of term ${known}; its disk has term ${termIn(index)}`;
      });
    }
    this.#checkHardState(restore.hardState, who);
    const lucky = this.#pending
      .flatMap(({ entries }) => entries)
      .filter(({ index, term }) => termIn(index) === term);
    this.#base = restore.compactedIndex;
    this.#baseTerm = restore.compactedTerm;
    this.#terms = terms;
    this.#durableIndex = restore.lastIndex;
    this.#durableHardState = restore.hardState;
    this.#pending.length = 0;
    return lucky;
  }

  #checkHardState(found: HardState, who: string): void {
    const known = [this.#durableHardState, ...this.#pending.map((pending) => pending.hardState)];
    if (this.#durableHardState === null) return;
    const same = (state: HardState | null): boolean =>
      state?.currentTerm === found.currentTerm && state.votedFor === found.votedFor;
    promise(known.some(same), "term and vote survive", () => {
      return `${who} had ${JSON.stringify(known)} and found ${JSON.stringify(found)}`;
    });
  }

  #cut(lastIndex: number): void {
    this.#terms.length = lastIndex - this.#base;
    this.#durableIndex = Math.min(this.#durableIndex, lastIndex);
    for (const pending of this.#pending) pending.upTo = Math.min(pending.upTo, lastIndex);
  }
}
