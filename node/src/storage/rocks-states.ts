/** The states of a member as RocksDB folders. Belongs to the thread that writes. */
import { realFiles } from "./files.ts";
import { stateNumber } from "./member-files.ts";
import { RocksEngine, type RocksOptions } from "./rocksdb.ts";
import type { Engine } from "./state/index.ts";
import type { StateFolders } from "./state-folders.ts";

export class RocksStates implements StateFolders {
  readonly #member: string;
  readonly #options: RocksOptions;
  readonly #onError: (error: unknown) => void;

  /** @param onError told of an engine that does not open or close: fatal */
  constructor(member: string, options: RocksOptions, onError: (error: unknown) => void) {
    this.#member = member;
    this.#options = options;
    this.#onError = onError;
  }

  open(name: string, done: (engine: Engine) => void): void {
    RocksEngine.open(`${this.#member}/${name}`, this.#options).then(done).catch(this.#onError);
  }

  close(engine: Engine, done: () => void): void {
    engine.close().then(done).catch(this.#onError);
  }

  remove(name: string): void {
    realFiles.removeTree(`${this.#member}/${name}`);
  }

  list(): readonly string[] {
    return realFiles.list(this.#member).filter((name) => stateNumber(name) !== null);
  }
}
