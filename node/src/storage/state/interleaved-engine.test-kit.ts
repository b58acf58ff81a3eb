/** An engine that lets a test change the state between the steps of a reader, and counts them. */
import type {
  Engine,
  EngineBatch,
  EngineIterator,
  EngineRange,
  EngineRow,
  WriteOptions,
} from "./engine.ts";

export class InterleavedEngine implements Engine {
  readonly #engine: Engine;
  readonly #before: () => void;
  rowsRead = 0;
  seeks = 0;

  /** @param before runs before each read and each walk is opened */
  constructor(engine: Engine, before: () => void = () => {}) {
    this.#engine = engine;
    this.#before = before;
  }

  get path(): string {
    return this.#engine.path;
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    this.#before();
    return this.#engine.getMany(keys);
  }

  iterate(range: EngineRange): EngineIterator {
    this.#before();
    const rows = this.#engine.iterate(range);
    return {
      next: (rowsMax: number): readonly EngineRow[] => {
        const batch = rows.next(rowsMax);
        this.rowsRead += batch.length;
        return batch;
      },
      seek: (target: Uint8Array): void => {
        this.seeks += 1;
        rows.seek(target);
      },
      close: () => rows.close(),
    };
  }

  createBatch(): EngineBatch {
    return this.#engine.createBatch();
  }

  write(batch: EngineBatch, options: WriteOptions): void {
    this.#engine.write(batch, options);
  }

  deleteRange(start: Uint8Array, end: Uint8Array): void {
    this.#engine.deleteRange(start, end);
  }

  writeBack(done: (error: unknown) => void): void {
    this.#engine.writeBack(done);
  }

  approximateBytes(): number {
    return this.#engine.approximateBytes();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
