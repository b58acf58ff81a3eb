/**
 * Effects of applied commands on their way into one atomic batch: what later commands of the same
 * batch read, the rows to write and the rolling hash. Owns no policy: when to write is the state
 * store's decision. Nothing is visible to readers before `write`.
 *
 * Hot: one put of 256 bytes has about ten microseconds for everything. Rows are encoded into one
 * buffer that is used again, because the batch copies; records in the overlay are views on entries.
 */
import { crc32 } from "node:zlib";
import {
  currentKey,
  currentRange,
  decodeRecord,
  type EffectSink,
  EVENT_KEY_BYTES,
  eventBytes,
  historyKeyBytes,
  type KvRecord,
  type Revision,
  recordBytes,
  type StateView,
  type StoredEvent,
  TAG_KEY,
  TOMBSTONE,
  toRevision,
  writeEvent,
  writeEventKey,
  writeHistoryKey,
  writeRecord,
} from "../../kv/index.ts";
import { decodeRow } from "./decoding.ts";
import type { Engine, EngineBatch } from "./engine.ts";
import { EventBlock } from "./event-block.ts";
import { CurrentEra, type EraLimits } from "./history-eras.ts";
import { encodeFigures, FIGURES_KEY, type StateFigures } from "./meta.ts";
import { RecordOverlay } from "./record-overlay.ts";
import { ScratchBuffer } from "./scratch-buffer.ts";

/** Rows that a range delete reads at a time. */
const RANGE_ROWS_MAX = 256;
const NO_REVISION = toRevision(0);

// First bytes of what is hashed for effects that are no events (whose first byte is a tag).
const HASH_COMPACTION = 0x43;
const HASH_CONFIGURATION = 0x47;

/** Uses of the scratch buffer that every overwrite has (see ScratchBuffer.slice). */
const SLICES = {
  event: 0,
  hashed: 1,
  key: 2,
  record: 3,
  historyKey: 4,
  history: 5,
} as const;

export interface EffectsOptions extends EraLimits {
  /** Records kept in memory for those that overwrite them. */
  readonly recordCacheBytes: number;
}

export class PendingEffects implements StateView, EffectSink {
  /** Changed as effects come in; written with every batch. */
  readonly figures: StateFigures;
  readonly #engine: Engine;
  readonly #batch: EngineBatch;
  readonly #scratch = new ScratchBuffer();
  /** Records that were read or changed since `forget`, as the last command left them. */
  readonly #overlay: RecordOverlay;
  readonly #era: CurrentEra;
  readonly #events = new EventBlock();
  /** Changes so far at the latest revision. */
  #sub = 0;

  constructor(engine: Engine, figures: StateFigures, options: EffectsOptions) {
    this.#engine = engine;
    this.#overlay = new RecordOverlay(options.recordCacheBytes);
    this.#era = new CurrentEra(engine, options, figures);
    this.#batch = engine.createBatch();
    this.figures = figures;
  }

  get revision(): Revision {
    return this.figures.revision;
  }

  get compactRevision(): Revision {
    return this.figures.compactRevision;
  }

  /** Rows that wait to be written. */
  get operations(): number {
    return this.#batch.operations;
  }

  /** Bytes that wait to be written. */
  get bytes(): number {
    return this.#batch.bytes + this.#events.bytes;
  }

  /** Reads what is not in memory in one crossing, for the `get`s that follow. */
  prefetch(keys: readonly Uint8Array[]): void {
    const missing = keys.filter((key) => this.#overlay.find(key) === undefined);
    if (missing.length === 0) return;
    const stored = missing.map(currentKey);
    const values = this.#engine.getMany(stored);
    for (const [at, key] of missing.entries()) {
      // One key may be missing twice.
      if (this.#overlay.find(key) === undefined) this.#add(key, stored[at] ?? key, values[at]);
    }
  }

  get(key: Uint8Array): KvRecord | undefined {
    const known = this.#overlay.find(key);
    if (known !== undefined) return known.record;
    const stored = currentKey(key);
    return this.#add(key, stored, this.#engine.getMany([stored])[0]);
  }

  /** Sees what is written, not what is pending: write first. */
  count(start: Uint8Array, end: Uint8Array, countMax: number): number {
    const rows = this.#engine.iterate({ ...currentRange(start, end), values: false });
    try {
      let count = 0;
      while (count < countMax) {
        const { length } = rows.next(Math.min(RANGE_ROWS_MAX, countMax - count));
        if (length === 0) break;
        count += length;
      }
      return count;
    } finally {
      rows.close();
    }
  }

  /** Sees what is written, not what is pending: write first. */
  *range(
    start: Uint8Array,
    end: Uint8Array,
  ): Generator<{ readonly key: Uint8Array; readonly record: KvRecord }, void> {
    const rows = this.#engine.iterate(currentRange(start, end));
    try {
      for (let batch = rows.next(RANGE_ROWS_MAX); batch.length > 0; ) {
        for (const { key, value } of batch) {
          const record = decodeRow({ path: this.#engine.path, key }, value, decodeRecord);
          yield { key: key.subarray(1), record };
        }
        batch = rows.next(RANGE_ROWS_MAX);
      }
    } finally {
      rows.close();
    }
  }

  put(key: Uint8Array, record: KvRecord, previous: KvRecord | undefined): void {
    const { scratch, bytes } = this.#reserve(key, record, previous);
    const eventEnd = this.#putEvent(record.modRevision, {
      type: "put",
      key,
      previousRevision: previous?.modRevision ?? NO_REVISION,
    });
    const recordEnd = writeRecord(scratch, eventEnd, record);
    this.#hash(scratch.slice(SLICES.hashed, 0, recordEnd));
    bytes[recordEnd] = TAG_KEY;
    bytes.set(key, recordEnd + 1);
    const keyEnd = recordEnd + 1 + key.length;
    this.#batch.put(
      scratch.slice(SLICES.key, recordEnd, keyEnd),
      scratch.slice(SLICES.record, eventEnd, recordEnd),
    );
    if (previous === undefined) this.figures.keys += 1;
    else this.#putHistory(keyEnd, key, previous);
    this.#overlay.change(key, record);
  }

  delete(key: Uint8Array, revision: Revision, previous: KvRecord): void {
    const { scratch, bytes } = this.#reserve(key, previous, previous);
    const eventEnd = this.#putEvent(revision, {
      type: "delete",
      key,
      previousRevision: previous.modRevision,
    });
    this.#hash(bytes.subarray(0, eventEnd));
    bytes[eventEnd] = TAG_KEY;
    bytes.set(key, eventEnd + 1);
    const keyEnd = eventEnd + 1 + key.length;
    this.#batch.delete(bytes.subarray(eventEnd, keyEnd));
    this.#putHistory(keyEnd, key, previous);
    const era = this.#era.first;
    const tombstoneEnd = writeHistoryKey(scratch, keyEnd, { era, key, revision });
    this.#batch.put(bytes.subarray(keyEnd, tombstoneEnd), TOMBSTONE);
    this.figures.keys -= 1;
    this.#overlay.change(key, undefined);
  }

  compact(compactRevision: Revision): void {
    this.figures.compactRevision = compactRevision;
    const { bytes, view } = this.#scratch.reserve(9);
    bytes[0] = HASH_COMPACTION;
    view.setBigUint64(1, BigInt(compactRevision));
    this.#hash(bytes.subarray(0, 9));
  }

  /** Counts a change of the members into the hash. @param data as in its log entry */
  hashConfiguration(data: Uint8Array): void {
    const { bytes } = this.#scratch.reserve(1 + data.length);
    bytes[0] = HASH_CONFIGURATION;
    bytes.set(data, 1);
    this.#hash(bytes.subarray(0, 1 + data.length));
  }

  /** Adds a row of meta data, to be written with the effects so far. */
  putMeta(key: Uint8Array, value: Uint8Array): void {
    this.#batch.put(key, value);
  }

  /** All history was removed from the engine. */
  forgetHistory(): void {
    this.#era.clear();
  }

  /** Writes everything pending together with the figures, atomically. */
  write(options: { readonly sync: boolean }): void {
    this.#events.close(this.#batch);
    this.#batch.put(FIGURES_KEY, encodeFigures(this.figures));
    this.#engine.write(this.#batch, options);
  }

  /** Frees what was kept for reading; call it with nothing pending. */
  forget(): void {
    this.#overlay.settle();
  }

  /** Notes what the engine has of a key, in the row at `stored`. */
  #add(key: Uint8Array, stored: Uint8Array, row: Uint8Array | undefined): KvRecord | undefined {
    const place = { path: this.#engine.path, key: stored };
    const record = row === undefined ? undefined : decodeRow(place, row, decodeRecord);
    this.#overlay.add(key, record);
    return record;
  }

  /** Room for every row of one change: event, record, key, history. */
  #reserve(
    key: Uint8Array,
    record: KvRecord,
    previous: KvRecord | undefined,
  ): { readonly scratch: ScratchBuffer; readonly bytes: Uint8Array } {
    const history = previous === undefined ? 0 : historyKeyBytes(key) + recordBytes(previous);
    const current = 1 + key.length + recordBytes(record);
    this.#scratch.reserve(EVENT_KEY_BYTES + eventBytes(key) + current + history);
    return { scratch: this.#scratch, bytes: this.#scratch.bytes };
  }

  /** Encodes the event at the buffer's start, so that the record can follow for one hash. */
  #putEvent(revision: Revision, event: StoredEvent): number {
    this.#advance(revision);
    const place = { revision, sub: this.#sub };
    const eventEnd = writeEvent(this.#scratch, writeEventKey(this.#scratch, 0, place), event);
    const isFull = this.#events.add(place, this.#scratch.slice(SLICES.event, 0, eventEnd));
    if (isFull) this.#events.close(this.#batch);
    return eventEnd;
  }

  #advance(revision: Revision): void {
    if (revision === this.figures.revision) {
      this.#sub += 1;
      return;
    }
    this.#sub = 0;
    this.figures.revision = revision;
    this.#era.advance(this.figures);
  }

  #putHistory(at: number, key: Uint8Array, previous: KvRecord): void {
    const place = { era: this.#era.first, key, revision: previous.modRevision };
    const keyEnd = writeHistoryKey(this.#scratch, at, place);
    const recordEnd = writeRecord(this.#scratch, keyEnd, previous);
    this.#batch.put(
      this.#scratch.slice(SLICES.historyKey, at, keyEnd),
      this.#scratch.slice(SLICES.history, keyEnd, recordEnd),
    );
    this.#era.add(recordEnd - at);
  }

  #hash(bytes: Uint8Array): void {
    this.figures.hash = crc32(bytes, this.figures.hash);
  }
}
