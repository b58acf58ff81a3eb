/**
 * The keys of a range as a reader at one revision sees them, in order: current records that are old
 * enough, merged with the superseded versions from the history. Reads in small batches; a step that
 * found nothing in its share says so, so that a long search need not block its thread.
 */
import { decodeRecord, type KvRecord, type Revision } from "../../kv/index.ts";
import type { KeyValue } from "../../replica/index.ts";
import { decodeRow } from "./decoding.ts";
import type { EngineIterator, EngineRow } from "./engine.ts";

/** A row; null at the end; undefined: nothing in this share, call again, later. */
export type Step = KeyValue | null | undefined;

export interface RowSource {
  next(): Step;
}

/** Current records of a range that were not changed after a revision. */
export class CurrentCursor implements RowSource {
  readonly #path: string;
  readonly #rows: EngineIterator;
  readonly #revision: Revision;
  readonly #rowsMax: number;
  #batch: readonly EngineRow[] = [];
  #at = 0;

  /** @param rows over current records, placed at the first; the caller closes it */
  constructor(
    path: string,
    rows: EngineIterator,
    bounds: { readonly revision: Revision; readonly rowsMax: number },
  ) {
    this.#path = path;
    this.#rows = rows;
    this.#revision = bounds.revision;
    this.#rowsMax = bounds.rowsMax;
  }

  next(): Step {
    if (this.#at >= this.#batch.length) {
      this.#batch = this.#rows.next(this.#rowsMax);
      this.#at = 0;
      if (this.#batch.length === 0) return null;
    }
    while (this.#at < this.#batch.length) {
      const row = this.#batch[this.#at];
      this.#at += 1;
      if (row === undefined) break;
      const record = this.#decode(row);
      if (record.modRevision <= this.#revision) return { key: row.key.subarray(1), record };
    }
    return undefined;
  }

  #decode(row: EngineRow): KvRecord {
    return decodeRow({ path: this.#path, key: row.key }, row.value, decodeRecord);
  }
}

/**
 * Current records and eras of the history as one. Of those that have a key the first one counts:
 * current records are newer than history, and what a newer era superseded is newer too.
 */
export class MergedRows implements RowSource {
  readonly #sources: readonly RowSource[];
  /** The next row of each source, undefined while it is searched. */
  readonly #heads: Step[];

  /** @param sources newest first */
  constructor(sources: readonly RowSource[]) {
    this.#sources = sources;
    this.#heads = sources.map(() => undefined);
  }

  next(): Step {
    const heads = this.#heads;
    let least: KeyValue | null = null;
    for (const [at, source] of this.#sources.entries()) {
      const head = heads[at] === undefined ? source.next() : heads[at];
      heads[at] = head;
      if (head === undefined) return undefined;
      if (compareSteps(head, least) < 0) least = head;
    }
    if (least === null) return null;
    for (const [at, head] of heads.entries()) {
      if (head !== undefined && compareSteps(head, least) === 0) heads[at] = undefined;
    }
    return least;
  }
}

/** The end sorts behind every key. */
const compareSteps = (one: KeyValue | null, other: KeyValue | null): number => {
  if (one === null) return other === null ? 0 : 1;
  return other === null ? -1 : Buffer.compare(one.key, other.key);
};
