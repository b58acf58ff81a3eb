/**
 * The keys of a range as a reader at one revision sees them, in order: current records that are old
 * enough, merged with the superseded versions from the history. Reads in small batches; a step that
 * found nothing in its share says so, so that a long search need not block its thread.
 */
import { decodeRecord, type KvRecord, type Revision } from "../../kv/index.ts";
import type { KeyValue } from "../../replica/index.ts";
import { decodeRow } from "./decoding.ts";
import type { EngineIterator, EngineRow } from "./engine.ts";
import type { HistoryCursor } from "./history-cursor.ts";

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

/** Current records and history as one. Where both have a key, the current record is the newer. */
export class MergedRows implements RowSource {
  readonly #current: CurrentCursor;
  readonly #history: HistoryCursor;
  #nextCurrent: Step = undefined;
  #nextHistoric: Step = undefined;

  constructor(current: CurrentCursor, history: HistoryCursor) {
    this.#current = current;
    this.#history = history;
  }

  next(): Step {
    this.#nextCurrent ??= this.#nextCurrent === null ? null : this.#current.next();
    this.#nextHistoric ??= this.#nextHistoric === null ? null : this.#history.next();
    const current = this.#nextCurrent;
    const historic = this.#nextHistoric;
    if (current === undefined || historic === undefined) return undefined;
    const order = compareSteps(current, historic);
    if (order <= 0) this.#nextCurrent = current === null ? null : undefined;
    if (order >= 0) this.#nextHistoric = historic === null ? null : undefined;
    return order <= 0 ? current : historic;
  }
}

/** The end sorts behind every key. */
const compareSteps = (one: KeyValue | null, other: KeyValue | null): number => {
  if (one === null) return other === null ? 0 : 1;
  return other === null ? -1 : Buffer.compare(one.key, other.key);
};
