/**
 * Reads the applied state on the thread that serves requests, over an engine that another thread
 * writes. It must never write. Reads are consistent by construction: one crossing or one iterator
 * sees one state, and where two are needed (the current records, then the history) the order makes
 * a change in between harmless: what leaves the first has arrived in the second, and what the
 * second may have lost to a compaction is asked for afterwards.
 */
import { setImmediate } from "node:timers/promises";
import {
  currentKey,
  currentRange,
  decodeRecord,
  decodeVersion,
  historyEnd,
  historyKey,
  historyRange,
  type KeyRange,
  type KvRecord,
  type Revision,
  TAG_HISTORY,
  tagRange,
} from "../../kv/index.ts";
import type {
  GetResult,
  ReadFailure,
  ScanRequest,
  ScanResult,
  StateReader,
} from "../../replica/index.ts";
import { StorageError } from "../errors.ts";
import { decodeRow } from "./decoding.ts";
import type { Engine, EngineIterator } from "./engine.ts";
import { HistoryCursor } from "./history-cursor.ts";
import { erasAfter } from "./history-eras.ts";
import { blankFigures, decodeFigures, FIGURES_KEY, type StateFigures } from "./meta.ts";
import { PageBuilder } from "./page-builder.ts";
import { CurrentCursor, MergedRows, type RowSource } from "./visible-rows.ts";

export interface ReaderOptions {
  /** Rows that a scan reads before it lets other work run. */
  readonly rowsPerTurn: number;
  /** Bytes that a scan reads before it lets other work run. */
  readonly bytesPerTurn: number;
  /** Lets other work run. */
  readonly defer: () => Promise<void>;
}

export const READER_DEFAULTS: ReaderOptions = {
  rowsPerTurn: 256,
  bytesPerTurn: 256 * 1024,
  defer: () => setImmediate(),
};

/** Rows that the eras of a scan together read at a time. */
const HISTORY_ROWS = 64;
/** Rows that an era reads at a time at least. */
const HISTORY_ROWS_MIN = 4;

export class EngineReader implements StateReader {
  readonly #engine: Engine;
  readonly #options: ReaderOptions;
  readonly #scans = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(engine: Engine, options: ReaderOptions = READER_DEFAULTS) {
    this.#engine = engine;
    this.#options = options;
  }

  getMany(keys: readonly Uint8Array[]): readonly (KvRecord | undefined)[] {
    this.#assertOpen();
    const stored = keys.map(currentKey);
    const values = this.#engine.getMany(stored);
    return stored.map((key, at) => this.#decode(key, values[at]));
  }

  getAt(key: Uint8Array, revision: Revision): GetResult {
    this.#assertOpen();
    const stored = currentKey(key);
    const [row, value] = this.#engine.getMany([FIGURES_KEY, stored]);
    const figures = this.#figures(row);
    const code = windowFailure(figures, revision);
    if (code !== null) return { type: "failed", code, revision: figures.revision };
    const current = this.#decode(stored, value);
    if (current !== undefined && current.modRevision <= revision) {
      return { type: "found", record: current, revision: figures.revision };
    }
    const record = this.#historic(key, revision);
    const after = this.#figures(this.#engine.getMany([FIGURES_KEY])[0]);
    if (after.compactRevision > revision) {
      return { type: "failed", code: "REVISION_COMPACTED", revision: after.revision };
    }
    if (record === null) return { type: "absent", revision: figures.revision };
    return { type: "found", record, revision: figures.revision };
  }

  /** @throws StorageError CORRUPT; IO when the reader was closed meanwhile */
  async scan(request: ScanRequest): Promise<ScanResult> {
    this.#assertOpen();
    const scan = this.#scan(request);
    this.#scans.add(scan);
    try {
      return await scan;
    } finally {
      this.#scans.delete(scan);
    }
  }

  /** Ends running scans with an error and refuses new reads; then the engine may be closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#scans);
  }

  async #scan(request: ScanRequest): Promise<ScanResult> {
    const opened: EngineIterator[] = [];
    try {
      const view = this.#open(currentRange(request.start, request.end), opened);
      const revision = request.revision ?? view.figures.revision;
      const code = windowFailure(view.figures, revision);
      if (code !== null) return { type: "failed", code, revision: view.figures.revision };
      const rowsMax = Math.max(1, Math.min(request.limit + 1, this.#options.rowsPerTurn));
      const current = new CurrentCursor(this.#engine.path, view.rows, { revision, rowsMax });
      if (revision === view.figures.revision) return await this.#page(request, current, revision);
      const past = this.#openHistory(request, revision, opened);
      if (past.figures.compactRevision > revision) {
        return { type: "failed", code: "REVISION_COMPACTED", revision: past.figures.revision };
      }
      const merged = new MergedRows([current, ...past.cursors]);
      return await this.#page(request, merged, revision);
    } finally {
      for (const rows of opened) rows.close();
    }
  }

  /** One iterator: the figures first, then placed at the range, both of the same moment. */
  #open(
    range: KeyRange,
    opened: EngineIterator[],
  ): { readonly rows: EngineIterator; readonly figures: StateFigures } {
    const rows = this.#engine.iterate({
      start: FIGURES_KEY,
      end: range.end,
      cached: true,
      batchBytesMax: this.#options.bytesPerTurn,
    });
    opened.push(rows);
    const [first] = rows.next(1);
    const isFigures = first !== undefined && Buffer.compare(first.key, FIGURES_KEY) === 0;
    rows.seek(range.start);
    return { rows, figures: this.#figures(isFigures ? first.value : undefined) };
  }

  /**
   * One cursor for each era with something that was superseded after `revision`, newest first, and
   * figures that are no older than any of them.
   */
  #openHistory(
    request: ScanRequest,
    revision: Revision,
    opened: EngineIterator[],
  ): { readonly cursors: readonly HistoryCursor[]; readonly figures: StateFigures } {
    const { path } = this.#engine;
    const whole = this.#open(tagRange(TAG_HISTORY), opened);
    let { figures } = whole;
    const eras = [...erasAfter(path, whole.rows, revision)];
    const rowsMax = Math.max(HISTORY_ROWS_MIN, Math.ceil(HISTORY_ROWS / eras.length));
    const cursors = eras.map((era) => {
      const view = this.#open(historyRange(era, request.start, request.end), opened);
      figures = view.figures;
      return new HistoryCursor(path, view.rows, { revision, rowsMax });
    });
    return { cursors, figures };
  }

  async #page(request: ScanRequest, rows: RowSource, revision: Revision): Promise<ScanResult> {
    const page = new PageBuilder(request);
    let budget = this.#options.rowsPerTurn;
    while (!page.isComplete) {
      const step = rows.next();
      if (step === null) break;
      if (step !== undefined) page.add(step);
      budget = step === undefined ? 0 : budget - 1;
      if (budget > 0) continue;
      await this.#options.defer();
      this.#assertOpen();
      budget = this.#options.rowsPerTurn;
    }
    return { type: "page", revision, ...page.finish() };
  }

  /** What was superseded after `revision` and no newer than it: at most one version of an era. */
  #historic(key: Uint8Array, revision: Revision): KvRecord | null {
    const { path } = this.#engine;
    const rows = this.#engine.iterate({ ...tagRange(TAG_HISTORY), cached: true });
    try {
      for (const era of erasAfter(path, rows, revision)) {
        rows.seek(historyKey({ era, key, revision }));
        const [row] = rows.next(1);
        if (row === undefined) return null;
        if (Buffer.compare(row.key, historyEnd({ era, key })) >= 0) continue;
        return decodeRow({ path, key: row.key }, row.value, decodeVersion);
      }
      return null;
    } finally {
      rows.close();
    }
  }

  #figures(row: Uint8Array | undefined): StateFigures {
    if (row === undefined) return blankFigures();
    return decodeRow({ path: this.#engine.path, key: FIGURES_KEY }, row, decodeFigures);
  }

  #decode(key: Uint8Array, value: Uint8Array | undefined): KvRecord | undefined {
    if (value === undefined) return undefined;
    return decodeRow({ path: this.#engine.path, key }, value, decodeRecord);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageError("IO", `${this.#engine.path}: the reader is closed`);
  }
}

const windowFailure = (figures: StateFigures, revision: Revision): ReadFailure | null => {
  if (revision > figures.revision) return "REVISION_IN_FUTURE";
  return revision < figures.compactRevision ? "REVISION_COMPACTED" : null;
};
