/**
 * Walks the superseded versions of a range of keys in one era and gives, for each key, the newest
 * one that is no newer than a revision. A key with a long history costs one seek, not a walk over
 * its versions.
 */
import {
  decodeHistoryKey,
  decodeVersion,
  historyEnd,
  historyKey,
  type Revision,
} from "../../kv/index.ts";
import type { KeyValue } from "../../replica/index.ts";
import { decodeRow } from "./decoding.ts";
import type { EngineIterator, EngineRow } from "./engine.ts";
import type { RowSource, Step } from "./visible-rows.ts";

export class HistoryCursor implements RowSource {
  readonly #path: string;
  readonly #rows: EngineIterator;
  readonly #revision: Revision;
  /** Rows per crossing; versions beyond them are skipped by a seek. */
  readonly #rowsMax: number;
  #batch: readonly EngineRow[] = [];
  #at = 0;
  #isEnded = false;
  /** The key whose version was already found or found missing: its older versions are skipped. */
  #doneKey: Uint8Array | null = null;

  /** @param rows over keys of one era, not yet read; the caller closes it */
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

  /**
   * The next key that had a record at the revision and lost or changed it in the era, or before a
   * version of a newer era.
   */
  next(): Step {
    if (this.#at >= this.#batch.length && !this.#fill()) return null;
    while (this.#at < this.#batch.length) {
      const row = this.#batch[this.#at];
      this.#at += 1;
      const found = row === undefined ? undefined : this.#visible(row);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #visible(row: EngineRow): KeyValue | undefined {
    const place = { path: this.#path, key: row.key };
    const { key, revision } = decodeRow(place, row.key, decodeHistoryKey);
    if (revision > this.#revision || this.#isDone(key)) return undefined;
    this.#doneKey = key;
    const record = decodeRow(place, row.value, decodeVersion);
    return record === null ? undefined : { key, record };
  }

  #isDone(key: Uint8Array): boolean {
    return this.#doneKey !== null && Buffer.compare(this.#doneKey, key) === 0;
  }

  /** @returns false at the end of the range */
  #fill(): boolean {
    if (this.#isEnded) return false;
    const last = this.#batch.at(-1);
    if (last !== undefined) this.#skipFrom(last);
    this.#batch = this.#rows.next(this.#rowsMax);
    this.#at = 0;
    this.#isEnded = this.#batch.length === 0;
    return !this.#isEnded;
  }

  /** Seeks over the versions of the last row's key that no longer matter. */
  #skipFrom(last: EngineRow): void {
    const place = decodeRow({ path: this.#path, key: last.key }, last.key, decodeHistoryKey);
    if (this.#isDone(place.key)) this.#rows.seek(historyEnd(place));
    else if (place.revision > this.#revision) {
      this.#rows.seek(historyKey({ ...place, revision: this.#revision }));
    }
  }
}
