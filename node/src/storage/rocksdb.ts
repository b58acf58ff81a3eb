/**
 * The only file that knows the RocksDB binding (npm `rocksdb`, an alias of @nxtedition/rocksdb). It
 * talks to the native part directly: the package's own JavaScript is built for callbacks and keeps
 * a reference to every iterator. One thread opens the folder and writes; other threads of the
 * process attach to its handle and must only read, and must stop before the owner closes.
 *
 * What the binding does not offer, and how we live with it: no flush and no sync of the log alone
 * (`StateStore.sync` writes a small synced batch instead: RocksDB then syncs all earlier logs too;
 * `write-ahead-log.ts` syncs the file itself beside other work); its recovery stops at the first
 * damaged record of the write-ahead log, so after a crash the state may be older than before, as
 * the applied index shows; its options `decouplePartitionedFilters` and `walTotalSizeLimit` write
 * to other fields and must not be used.
 */
import { mkdirSync } from "node:fs";
import binding from "rocksdb/binding.js";
import { corrupt, StorageError } from "./errors.ts";
import type {
  Engine,
  EngineBatch,
  EngineIterator,
  EngineRange,
  EngineRow,
  WriteOptions,
} from "./state/engine.ts";
import { ITERATOR_BATCH_BYTES_MAX } from "./state/engine.ts";
import { writeBackNewestLog } from "./write-ahead-log.ts";

type DatabaseContext = ReturnType<typeof binding.db_init>;
type BatchContext = ReturnType<typeof binding.batch_init>;
type IteratorContext = ReturnType<typeof binding.iterator_init>;

/** What it costs in memory and threads. */
export interface RocksOptions {
  /** Block cache, index and filter blocks included, so memory does not grow with the keys. */
  readonly cacheBytes: number;
  /** Four write buffers; RocksDB may use half as much again before it slows writers down. */
  readonly memtableBytes: number;
  /** Threads for flushes and compactions. */
  readonly backgroundThreads: number;
  /**
   * `level` keeps the files close to the size of the data. `universal` rewrites each row less
   * often, but needs more space for a while (docs/adr/0002-state-layout.md). A folder may change.
   */
  readonly compaction: "level" | "universal";
}

export const ROCKS_DEFAULTS: RocksOptions = {
  cacheBytes: 16 * 1024 * 1024,
  memtableBytes: 32 * 1024 * 1024,
  backgroundThreads: 2,
  compaction: "universal",
};

const EMPTY = new Uint8Array(0);
const SYNC = { sync: true };
const NO_SYNC = { sync: false };

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";

/** RocksDB names the file in its message wherever it knows it. */
const toStorageError = (path: string, attempted: string, cause: unknown): StorageError => {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const code = codeOf(cause);
  if (code === "LEVEL_CORRUPTION" || detail.startsWith("Corruption")) {
    return corrupt(path, `could not ${attempted}: ${detail}`, cause);
  }
  if (code === "LEVEL_LOCKED") {
    const message = `${path} is in use by another process: ${detail}`;
    return new StorageError("LOCKED", message, { cause });
  }
  if (/no space left|quota exceeded/i.test(detail)) {
    const message = `disk full: could not ${attempted} in ${path}: ${detail}`;
    return new StorageError("DISK_FULL", message, { cause });
  }
  return new StorageError("IO", `could not ${attempted} in ${path}: ${detail}`, { cause });
};

const openDatabase = (context: DatabaseContext, options: object): Promise<void> =>
  new Promise((resolve, reject) => {
    // Attaching to an open database answers at once and never calls back.
    const columns = binding.db_open(context, options, (error) => {
      if (error) reject(error);
      else resolve();
    });
    if (columns) resolve();
  });

const closeDatabase = (context: DatabaseContext): Promise<void> =>
  new Promise((resolve, reject) => {
    binding.db_close(context, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });

export class RocksEngine implements Engine {
  readonly path: string;
  readonly #context: DatabaseContext;
  readonly #isOwner: boolean;
  readonly #iterators = new Set<RocksIterator>();
  #isClosed = false;

  private constructor(path: string, context: DatabaseContext, isOwner: boolean) {
    this.path = path;
    this.#context = context;
    this.#isOwner = isOwner;
  }

  /**
   * Opens a folder for reading and writing, made when missing.
   * @throws StorageError CORRUPT, LOCKED, DISK_FULL or IO
   */
  static async open(path: string, options: RocksOptions): Promise<RocksEngine> {
    try {
      mkdirSync(path, { recursive: true });
      const context = binding.db_init(path);
      await openDatabase(context, {
        createIfMissing: true,
        compaction: options.compaction,
        // Hash index in data blocks, bloom filter in memtables: the common read is of one key, and
        // each put of a fresh key first asks for it in vain.
        optimize: "point-lookup",
        memtableMemoryBudget: options.memtableBytes,
        cacheSize: options.cacheBytes,
        cacheIndexAndFilterBlocks: true,
        parallelism: options.backgroundThreads,
        // Values are ciphertext: compressing them costs and gives nothing.
        compression: false,
        walCompression: false,
      });
      return new RocksEngine(path, context, true);
    } catch (cause) {
      throw toStorageError(path, "open the state", cause);
    }
  }

  /** Reads, from another thread, what the thread that gave `handle` writes. */
  static async attach(path: string, handle: bigint): Promise<RocksEngine> {
    const context = binding.db_init(handle);
    await openDatabase(context, {});
    return new RocksEngine(path, context, false);
  }

  /** For `attach` in another thread of this process. */
  get handle(): bigint {
    this.#assertOpen();
    return binding.db_get_handle(this.#context);
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    this.#assertOpen();
    if (keys.length === 0) return [];
    try {
      return binding.db_get_many_sync(this.#context, keys, undefined);
    } catch (cause) {
      throw toStorageError(this.path, `read ${keys.length} keys`, cause);
    }
  }

  iterate(range: EngineRange): EngineIterator {
    this.#assertOpen();
    const context = binding.iterator_init(this.#context, {
      gte: range.start,
      lt: range.end,
      reverse: range.reverse ?? false,
      values: range.values ?? true,
      fillCache: range.cached ?? false,
      highWaterMarkBytes: range.batchBytesMax ?? ITERATOR_BATCH_BYTES_MAX,
      keyEncoding: "buffer",
      valueEncoding: "buffer",
    });
    const iterator = new RocksIterator(this.path, range.start, {
      context,
      onClose: (closed) => this.#iterators.delete(closed),
    });
    this.#iterators.add(iterator);
    return iterator;
  }

  createBatch(): EngineBatch {
    return new RocksBatch();
  }

  write(batch: EngineBatch, options: WriteOptions): void {
    this.#assertOpen();
    if (!this.#isOwner) throw new TypeError("only the thread that opened the state may write");
    if (!(batch instanceof RocksBatch)) throw new TypeError("a batch of another engine");
    try {
      binding.batch_write(this.#context, batch.context, options.sync ? SYNC : NO_SYNC);
    } catch (cause) {
      throw toStorageError(this.path, `write ${batch.operations} rows`, cause);
    }
    batch.clear();
  }

  deleteRange(start: Uint8Array, end: Uint8Array): void {
    this.#assertOpen();
    if (!this.#isOwner) throw new TypeError("only the thread that opened the state may write");
    try {
      binding.db_clear(this.#context, { gte: start, lt: end });
    } catch (cause) {
      throw toStorageError(this.path, "remove a range of rows", cause);
    }
  }

  writeBack(done: (error: unknown) => void): void {
    this.#assertOpen();
    writeBackNewestLog(this.path, done);
  }

  approximateBytes(): number {
    this.#assertOpen();
    const files = Number(binding.db_get_property(this.#context, "rocksdb.total-sst-files-size"));
    const memory = binding.db_get_property(this.#context, "rocksdb.size-all-mem-tables");
    return files + Number(memory);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const iterator of [...this.#iterators]) iterator.close();
    if (!this.#isOwner) return;
    try {
      await closeDatabase(this.#context);
    } catch (cause) {
      throw toStorageError(this.path, "close the state", cause);
    }
  }

  #assertOpen(): void {
    // The native part would read freed memory.
    if (this.#isClosed) throw new StorageError("IO", `${this.path}: the engine is closed`);
  }
}

class RocksBatch implements EngineBatch {
  readonly context: BatchContext = binding.batch_init();
  #operations = 0;
  #bytes = 0;

  get operations(): number {
    return this.#operations;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    // No options object: the binding would look up each property in it.
    binding.batch_put(this.context, key, value, undefined);
    this.#operations += 1;
    this.#bytes += key.length + value.length;
  }

  delete(key: Uint8Array): void {
    binding.batch_del(this.context, key, undefined);
    this.#operations += 1;
    this.#bytes += key.length;
  }

  clear(): void {
    binding.batch_clear(this.context);
    this.#operations = 0;
    this.#bytes = 0;
  }
}

class RocksIterator implements EngineIterator {
  readonly #path: string;
  readonly #start: Uint8Array;
  readonly #onClose: (iterator: RocksIterator) => void;
  #context: IteratorContext | null;
  #isFinished = false;

  constructor(
    path: string,
    start: Uint8Array,
    native: {
      readonly context: IteratorContext;
      readonly onClose: (iterator: RocksIterator) => void;
    },
  ) {
    this.#path = path;
    this.#start = start;
    this.#context = native.context;
    this.#onClose = native.onClose;
  }

  next(rowsMax: number): readonly EngineRow[] {
    if (this.#context === null) throw new StorageError("IO", `${this.#path}: iterator is closed`);
    if (this.#isFinished) return [];
    try {
      const { rows, finished } = binding.iterator_nextv_sync(this.#context, rowsMax);
      this.#isFinished = finished;
      return toRows(rows);
    } catch (cause) {
      throw toStorageError(this.#path, "read a range", cause);
    }
  }

  seek(target: Uint8Array): void {
    if (this.#context === null) throw new StorageError("IO", `${this.#path}: iterator is closed`);
    // The binding ends a walk that is sent before its range.
    const isBefore = Buffer.compare(target, this.#start) < 0;
    binding.iterator_seek(this.#context, isBefore ? this.#start : target);
    this.#isFinished = false;
  }

  close(): void {
    if (this.#context === null) return;
    binding.iterator_close(this.#context);
    this.#context = null;
    this.#onClose(this);
  }
}

/** The binding gives keys and values in turns. */
const toRows = (flat: readonly (Uint8Array | undefined)[]): readonly EngineRow[] => {
  const rows: EngineRow[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    rows.push({ key: flat[at] ?? EMPTY, value: flat[at + 1] ?? EMPTY });
  }
  return rows;
};
