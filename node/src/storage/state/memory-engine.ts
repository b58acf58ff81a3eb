/**
 * The engine's twin in memory, for the simulator and for tests: the same contract, and the same way
 * to lose data. A crash keeps everything synced and, of the batches after that, any prefix, as a
 * write-ahead log does. A copy-on-write tree makes pinned iterators and crash points cheap.
 */
import sortedBTree from "sorted-btree";
import { corrupt, StorageError } from "../errors.ts";
import type {
  Engine,
  EngineBatch,
  EngineIterator,
  EngineRange,
  EngineRow,
  WriteOptions,
} from "./engine.ts";
import { ITERATOR_BATCH_BYTES_MAX } from "./engine.ts";

// The package is CommonJS: its default export is a property of what Node imports.
const BTree = sortedBTree.default;
/** Keys are strings of one character per byte: they sort as the bytes do. */
type Tree = InstanceType<typeof BTree<string, Uint8Array>>;
type Operation = { readonly key: string; readonly value: Uint8Array | null };

/** Older unsynced batches become durable by themselves, as when RocksDB flushes a memtable. */
export const UNSYNCED_BATCHES_MAX = 1024;
const EMPTY = new Uint8Array(0);

const toText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
const toBytes = (text: string): Buffer => Buffer.from(text, "latin1");

export class MemoryEngine implements Engine {
  readonly path: string;
  #tree: Tree;
  #durable: Tree;
  /** The tree after each batch that is not durable yet, oldest first. */
  #unsynced: Tree[] = [];
  /** Keys of rows that cannot be read any more. */
  readonly #rotten = new Set<string>();
  #refusal: Error | undefined;
  #isClosed = false;

  /** @param path a name for error messages */
  constructor(path: string = "memory") {
    this.path = path;
    this.#tree = new BTree<string, Uint8Array>();
    this.#durable = this.#tree.clone();
  }

  /** Batches that a crash may lose. */
  get unsyncedBatches(): number {
    return this.#unsynced.length;
  }

  /**
   * Ends this engine as a power cut would and gives the one that a restart finds.
   * @param keepUnsynced how many batches after the last sync survive, from the oldest
   */
  crash(keepUnsynced: number): MemoryEngine {
    const survivor = new MemoryEngine(this.path);
    const kept = Math.min(keepUnsynced, this.#unsynced.length);
    survivor.#durable = this.#unsynced[kept - 1] ?? this.#durable;
    survivor.#tree = survivor.#durable.clone();
    for (const key of this.#rotten) survivor.#rotten.add(key);
    this.#isClosed = true;
    return survivor;
  }

  /** Damages the disk: the stored bytes of `key` become `value`, unnoticed. For tests. */
  overwrite(key: Uint8Array, value: Uint8Array): void {
    this.#tree.set(toText(key), Uint8Array.from(value));
  }

  /**
   * Bit rot as RocksDB sees it: the row's checksum is wrong, so reading it fails until it is
   * written anew. @param place which row, from 0 to 1. @returns its key; null without rows
   */
  rot(place: number): Uint8Array | null {
    const key = this.#tree.keysArray()[Math.floor(place * this.#tree.size)];
    if (key === undefined) return null;
    this.#rotten.add(key);
    return toBytes(key);
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    this.#assertOpen();
    return keys.map((key) => {
      const text = toText(key);
      this.#assertSound(text);
      return this.#tree.get(text);
    });
  }

  iterate(range: EngineRange): EngineIterator {
    this.#assertOpen();
    return new MemoryIterator(this.#tree.clone(), range, (key) => this.#assertSound(key));
  }

  createBatch(): EngineBatch {
    return new MemoryBatch();
  }

  write(batch: EngineBatch, options: WriteOptions): void {
    this.#assertOpen();
    if (!(batch instanceof MemoryBatch)) throw new TypeError("a batch of another engine");
    for (const { key, value } of batch.take()) {
      this.#rotten.delete(key);
      if (value === null) this.#tree.delete(key);
      else this.#tree.set(key, value);
    }
    if (options.sync) {
      this.#durable = this.#tree.clone();
      this.#unsynced = [];
    } else {
      this.#unsynced.push(this.#tree.clone());
      if (this.#unsynced.length > UNSYNCED_BATCHES_MAX) {
        this.#durable = this.#unsynced.shift() ?? this.#durable;
      }
    }
  }

  deleteRange(start: Uint8Array, end: Uint8Array): void {
    const batch = new MemoryBatch();
    this.#tree.forRange(toText(start), toText(end), false, (key) => batch.delete(toBytes(key)));
    this.write(batch, { sync: false });
  }

  /** What is in memory has nowhere to go before a sync. */
  writeBack(done: (error: unknown) => void): void {
    this.#assertOpen();
    done(this.#refusal);
  }

  /** The disk fails: every write-back ends with this error. For tests. */
  refuseWriteBacks(error: Error): void {
    this.#refusal = error;
  }

  approximateBytes(): number {
    // Counting bytes would cost a walk; rows are what a simulation's limits are about.
    return this.#tree.size;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageError("IO", `${this.path}: the engine is closed`);
  }

  #assertSound(key: string): void {
    if (this.#rotten.size === 0 || !this.#rotten.has(key)) return;
    throw corrupt(this.path, `block checksum mismatch at row ${toBytes(key).toString("hex")}`);
  }
}

class MemoryBatch implements EngineBatch {
  #operations: Operation[] = [];
  #bytes = 0;

  get operations(): number {
    return this.#operations.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#operations.push({ key: toText(key), value: Uint8Array.from(value) });
    this.#bytes += key.length + value.length;
  }

  delete(key: Uint8Array): void {
    this.#operations.push({ key: toText(key), value: null });
    this.#bytes += key.length;
  }

  take(): readonly Operation[] {
    const operations = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    return operations;
  }
}

class MemoryIterator implements EngineIterator {
  readonly #tree: Tree;
  readonly #start: string;
  readonly #end: string;
  readonly #isReverse: boolean;
  readonly #hasValues: boolean;
  readonly #bytesMax: number;
  readonly #assertSound: (key: string) => void;
  #rows: Iterator<[string, Uint8Array]>;
  #isClosed = false;

  constructor(tree: Tree, range: EngineRange, assertSound: (key: string) => void) {
    this.#assertSound = assertSound;
    this.#tree = tree;
    this.#start = toText(range.start);
    this.#end = toText(range.end);
    this.#isReverse = range.reverse ?? false;
    this.#hasValues = range.values ?? true;
    this.#bytesMax = range.batchBytesMax ?? ITERATOR_BATCH_BYTES_MAX;
    this.#rows = this.#isReverse ? this.#below(this.#end) : tree.entries(this.#start);
  }

  next(rowsMax: number): readonly EngineRow[] {
    this.#assertOpen();
    const rows: EngineRow[] = [];
    let bytes = 0;
    while (rows.length < rowsMax && bytes <= this.#bytesMax) {
      const { value: row, done } = this.#rows.next();
      if (done === true || row[0] < this.#start || row[0] >= this.#end) break;
      this.#assertSound(row[0]);
      rows.push({ key: toBytes(row[0]), value: this.#hasValues ? row[1] : EMPTY });
      bytes += row[0].length + row[1].length;
    }
    return rows;
  }

  seek(target: Uint8Array): void {
    this.#assertOpen();
    const text = toText(target);
    if (this.#isReverse) {
      const isInside = text < this.#end;
      this.#rows = isInside ? this.#tree.entriesReversed(text) : this.#below(this.#end);
    } else {
      const isInside = text > this.#start;
      this.#rows = this.#tree.entries(isInside ? text : this.#start);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#rows = [][Symbol.iterator]();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageError("IO", "the iterator is closed");
  }

  #below(end: string): Iterator<[string, Uint8Array]> {
    return this.#tree.entriesReversed(end, undefined, true);
  }
}
