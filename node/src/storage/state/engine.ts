/**
 * The ordered key-value engine under the state: what the state store needs from a disk, and no
 * more. Synchronous: the writing side lives in a worker thread, where waiting is the point.
 *
 * Every method may throw StorageError: CORRUPT when bytes are not what was written (never wrong
 * data instead), DISK_FULL or IO when the system refused. After a failed write the process must
 * crash; nothing may be retried. Keys and bounds have at least one byte: RocksDB as shipped ends
 * the process when it compares an empty one.
 */

export interface EngineRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface EngineRange {
  /** Inclusive. */
  readonly start: Uint8Array;
  /** Exclusive. */
  readonly end: Uint8Array;
  /** From the end to the start. Default false. */
  readonly reverse?: boolean;
  /** false: rows have empty values, which costs less. Default true. */
  readonly values?: boolean;
  /** true: what is read is likely to be read again, keep it in the cache. Default false. */
  readonly cached?: boolean;
  /** `next` also stops when it has passed so many bytes. Default 1 MiB. */
  readonly batchBytesMax?: number;
}

/** A walk over the engine as it was when the walk was opened; later writes are not seen. */
export interface EngineIterator {
  /** The next rows, at least one unless the range is at its end; then none. */
  next(rowsMax: number): readonly EngineRow[];
  /**
   * Goes on at the first key of the range at or after `target`; in a reversed walk, whose target
   * must lie in the range, at or before it.
   */
  seek(target: Uint8Array): void;
  /** Must be called: an open walk keeps old data alive. May be called twice. */
  close(): void;
}

/** Writes that become visible together. Bytes are copied at once: the caller may reuse buffers. */
export interface EngineBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Puts and deletes so far. */
  readonly operations: number;
  /** Bytes of keys and values so far. */
  readonly bytes: number;
}

export interface WriteOptions {
  /** true: this batch and all before it are durable when `write` returns. */
  readonly sync: boolean;
}

export interface Engine {
  /** The folder, for error messages. */
  readonly path: string;
  /** One consistent read of many keys; undefined where absent. */
  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[];
  iterate(range: EngineRange): EngineIterator;
  /** An empty batch of this engine. */
  createBatch(): EngineBatch;
  /** Writes all or nothing and leaves the batch empty, ready for use again. */
  write(batch: EngineBatch, options: WriteOptions): void;
  /**
   * Removes all rows from `start` to before `end` in one step of its own, which is not synced. It
   * costs the same for any number of rows, but until files are merged each read looks past it.
   */
  deleteRange(start: Uint8Array, end: Uint8Array): void;
  /**
   * Brings what was written to the disk beside other work, so that a synced write soon after has
   * little to wait for. It promises nothing: durable is what a synced write made so.
   * @param done called once; after an error the process must crash, as after a failed write
   */
  writeBack(done: (error: unknown) => void): void;
  /** Rough size on disk; cheap. */
  approximateBytes(): number;
  /** Nothing may be called afterwards. What was not synced may still be lost. */
  close(): Promise<void>;
}

/** The default of `EngineRange.batchBytesMax`. */
export const ITERATOR_BATCH_BYTES_MAX: number = 1024 * 1024;
