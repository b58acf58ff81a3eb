/**
 * Walks the superseded versions of a range of keys and gives, for each key, the one that a reader
 * at one revision sees. A key with a long history costs one seek, not a walk over its versions.
 */
import {
  decodeHistoryKey,
  decodeVersion,
  historyEnd,
  historyKey,
  type KvRecord,
  type Revision,
} from "../../kv/index.ts";
import { decodeRow } from "./decoding.ts";
import type { EngineIterator, EngineRow } from "./engine.ts";

/** Rows per crossing; versions beyond them are skipped by a seek. */
const ROWS_MAX = 64;

export interface HistoricRecord {
  readonly key: Uint8Array;
  readonly record: KvRecord;
}

export class HistoryCursor {
  readonly #path: string;
  readonly #rows: EngineIterator;
  readonly #revision: Revision;
  #batch: readonly EngineRow[] = [];
  #at = 0;
  #isEnded = false;
  /** The key whose version was already found or found missing: its older versions are skipped. */
  #doneKey: Uint8Array | null = null;

  /** @param rows over a range of the history, not yet read; the caller closes it */
  constructor(path: string, rows: EngineIterator, revision: Revision) {
    this.#path = path;
    this.#rows = rows;
    this.#revision = revision;
  }

  /**
   * The next key that had a record at the revision and lost or changed it since; null at the end
   * of the range. Undefined when this step read its share and found none: call again, later.
   */
  next(): HistoricRecord | null | undefined {
    if (this.#at >= this.#batch.length && !this.#fill()) return null;
    while (this.#at < this.#batch.length) {
      const row = this.#batch[this.#at];
      this.#at += 1;
      const found = row === undefined ? undefined : this.#visible(row);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #visible(row: EngineRow): HistoricRecord | undefined {
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
    this.#batch = this.#rows.next(ROWS_MAX);
    this.#at = 0;
    this.#isEnded = this.#batch.length === 0;
    return !this.#isEnded;
  }

  /** Seeks over the versions of the last row's key that no longer matter. */
  #skipFrom(last: EngineRow): void {
    const { key, revision } = decodeRow(
      { path: this.#path, key: last.key },
      last.key,
      decodeHistoryKey,
    );
    if (this.#isDone(key)) this.#rows.seek(historyEnd(key));
    else if (revision > this.#revision) this.#rows.seek(historyKey(key, this.#revision));
  }
}
