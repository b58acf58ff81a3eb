/**
 * What the log knows of its entries without reading them: where terms begin, and the configuration
 * entries. Both follow truncation at the end and trimming at the front.
 */
import { type Entry, type LogIndex, type Term, toLogIndex, toTerm } from "../../raft/index.ts";
import {
  CONFIGURATION_TYPE,
  ENTRY_HEADER_BYTES,
  type EntryBlock,
  visitEntries,
} from "./entry-block.ts";

export interface TermRun {
  readonly index: LogIndex;
  readonly term: Term;
}

export class LogFacts {
  #runs: TermRun[] = [];
  #configurations: Entry[] = [];

  /** Learns the entries of a block that follows what is known. @throws DecodeError */
  note(block: EntryBlock): void {
    visitEntries(block, ({ index, type, term, start, end }) => {
      if (this.#runs.at(-1)?.term !== term) {
        this.#runs.push({ index: toLogIndex(index), term: toTerm(term) });
      }
      if (type !== CONFIGURATION_TYPE) return;
      const data = block.bytes.slice(start + ENTRY_HEADER_BYTES, end);
      this.#configurations.push({
        index: toLogIndex(index),
        term: toTerm(term),
        type: "configuration",
        data,
      });
    });
  }

  /** Term of an entry that is known to be in the log; undefined before the first run. */
  termAt(index: number): Term | undefined {
    return this.#runs.findLast((run) => run.index <= index)?.term;
  }

  get lastTerm(): Term | undefined {
    return this.#runs.at(-1)?.term;
  }

  /** Runs of entries after `index`; the first starts at `index + 1` at the earliest. */
  runsAfter(index: number, lastIndex: number): TermRun[] {
    if (index >= lastIndex) return [];
    const first = this.termAt(index + 1);
    const later = this.#runs.filter((run) => run.index > index + 1);
    return first === undefined ? later : [{ index: toLogIndex(index + 1), term: first }, ...later];
  }

  configurationsAfter(index: number): readonly Entry[] {
    return this.#configurations.filter((entry) => entry.index > index);
  }

  cutFrom(index: number): void {
    this.#runs = this.#runs.filter((run) => run.index < index);
    this.#configurations = this.#configurations.filter((entry) => entry.index < index);
  }

  /** Forgets entries up to `index`. */
  dropTo(index: number): void {
    const last = this.#runs.findLastIndex((run) => run.index <= index + 1);
    if (last > 0) this.#runs.splice(0, last);
    this.#configurations = this.#configurations.filter((entry) => entry.index > index);
  }

  clear(): void {
    this.#runs = [];
    this.#configurations = [];
  }
}
