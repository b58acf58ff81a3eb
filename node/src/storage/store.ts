/**
 * Opens the store of a member: starts the thread that writes, joins it to the half that the driver
 * holds, and watches over it. An error of the thread goes to `onFatal`, which must crash the
 * process.
 */
import { Worker } from "node:worker_threads";
import type { Recovered, StateReader, Store } from "../replica/index.ts";
import type { DataFolder } from "./data-folder.ts";
import { fromErrorMessage, ioError, StorageError } from "./errors.ts";
import { STORAGE_DEFAULTS, type StorageOptions } from "./options.ts";
import { ROCKS_DEFAULTS, RocksEngine, type RocksOptions } from "./rocksdb.ts";
import { EngineReader } from "./state/index.ts";
import { StoreClient, type StoreListeners } from "./store-client.ts";
import type { StateAccess, StoreAnswer, StoreRequest } from "./store-messages.ts";
import type { WorkerSetup } from "./worker.ts";

export interface OpenStoreOptions extends StoreListeners {
  /** Must have an identity. */
  readonly folder: DataFolder;
  /** 48-bit number drawn for this life of the node; the command headers carry it. */
  readonly origin: number;
  readonly options?: StorageOptions;
  readonly rocks?: RocksOptions;
}

export interface OpenedStore {
  readonly store: Store;
  readonly recovered: Recovered;
  /** Makes the state durable and ends the thread; the folder may be closed afterwards. */
  close(): Promise<void>;
}

/** The source when run from source, the compiled file when run from dist. */
const WORKER_URL = new URL(
  import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js",
  import.meta.url,
);

interface OpenReader {
  readonly reader: EngineReader;
  readonly engine: RocksEngine;
}

/**
 * @throws StorageError CORRUPT, WRONG_IDENTITY, UNSUPPORTED_FORMAT, DISK_FULL, IO: what was found
 * on the disk cannot be served
 */
export const openStore = async (setup: OpenStoreOptions): Promise<OpenedStore> => {
  const { folder } = setup;
  if (folder.identity === null) {
    throw new StorageError("IO", `${folder.path} is blank: bootstrap or join first`);
  }
  const link = new WorkerLink(setup);
  const { recovered, access } = await link.opened;
  const first = await attachReader(access);
  const readers = new Map<StateReader, OpenReader>([[first.reader, first]]);
  const client = new StoreClient(first.reader, {
    send: (requests) => link.send(requests),
    schedule: (task) => queueMicrotask(task),
    openReader: (next, done) => {
      attachReader(next)
        .then((opened) => {
          readers.set(opened.reader, opened);
          done(opened.reader);
        })
        .catch((cause: unknown) => setup.onFatal(toStorageError(cause)));
    },
    closeReader: (reader) => {
      const opened = readers.get(reader);
      readers.delete(reader);
      opened?.engine.close().catch((cause: unknown) => setup.onFatal(toStorageError(cause)));
    },
    ...listenersOf(setup),
  });
  link.connect(client);
  const close = async (): Promise<void> => {
    for (const { reader, engine } of readers.values()) {
      await reader.close();
      await engine.close();
    }
    await link.close(client);
  };
  return { store: client, recovered, close };
};

const listenersOf = ({ onFatal, onTiming, onNotice }: StoreListeners): StoreListeners => ({
  onFatal,
  onTiming,
  onNotice,
});

const toStorageError = (cause: unknown): StorageError =>
  cause instanceof StorageError ? cause : ioError("read the state", cause);

const attachReader = async ({ path, handle }: StateAccess): Promise<OpenReader> => {
  if (handle === null) throw new TypeError(`${path} is not shared by another thread`);
  const engine = await RocksEngine.attach(path, handle);
  return { reader: new EngineReader(engine), engine };
};

type Opened = Extract<StoreAnswer, { readonly type: "opened" }>;

/** The worker thread as seen from here: until it has opened, while it serves, after it ended. */
class WorkerLink {
  readonly opened: Promise<Opened>;
  readonly #worker: Worker;
  readonly #listeners: StoreListeners;
  /** Answers that came before the client did. */
  readonly #early: StoreAnswer[] = [];
  #client: StoreClient | null = null;
  #isOpen = false;
  #hasEnded = false;

  constructor(setup: OpenStoreOptions) {
    this.#listeners = setup;
    const workerData: WorkerSetup = {
      root: setup.folder.path,
      origin: setup.origin,
      options: setup.options ?? STORAGE_DEFAULTS,
      rocks: setup.rocks ?? ROCKS_DEFAULTS,
    };
    this.#worker = new Worker(WORKER_URL, { workerData, name: "kvcluster-store" });
    this.opened = new Promise((resolve, reject) => this.#await(resolve, reject));
  }

  connect(client: StoreClient): void {
    this.#client = client;
    for (const answer of this.#early.splice(0)) client.receive(answer);
  }

  send(requests: readonly StoreRequest[]): void {
    this.#worker.postMessage(requests, buffersOf(requests));
  }

  /** Ends the thread once it has made everything durable; at once when it has failed. */
  async close(client: StoreClient): Promise<void> {
    if (this.#hasEnded) {
      await this.#worker.terminate();
      return;
    }
    await new Promise<void>((resolve, reject) => {
      client.close(() => {
        this.#end(client);
        this.#worker.terminate().then(() => resolve(), reject);
      });
    });
  }

  #await(resolve: (opened: Opened) => void, reject: (error: Error) => void): void {
    const fail = (error: StorageError): void => {
      if (this.#hasEnded) return;
      this.#end(this.#client);
      if (this.#isOpen) this.#listeners.onFatal(error);
      else this.#worker.terminate().then(() => reject(error), reject);
    };
    this.#worker.on("message", (answer: StoreAnswer) => {
      if (answer.type === "fatal") fail(fromErrorMessage(answer.error));
      else if (answer.type === "opened") this.#opened(answer, resolve);
      else this.#receive(answer);
    });
    this.#worker.on("error", (cause) => fail(ioError("run the store's thread", cause)));
    this.#worker.on("exit", (code) => {
      fail(new StorageError("IO", `the store's thread ended by itself with code ${code}`));
    });
  }

  #opened(answer: Opened, resolve: (opened: Opened) => void): void {
    this.#isOpen = true;
    resolve(answer);
  }

  #receive(answer: StoreAnswer): void {
    if (this.#client !== null) this.#client.receive(answer);
    else if (answer.type === "notice") this.#listeners.onNotice(answer.text);
    else this.#early.push(answer);
  }

  #end(client: StoreClient | null): void {
    this.#hasEnded = true;
    client?.stop();
  }
}

const buffersOf = (requests: readonly StoreRequest[]): ArrayBuffer[] => {
  const buffers: ArrayBuffer[] = [];
  for (const request of requests) {
    const bytes = request.type === "append" ? request.block.bytes : undefined;
    const view = request.type === "writeChunk" ? request.chunk : bytes;
    if (view === undefined || view.length === 0) continue;
    if (view.buffer instanceof ArrayBuffer) buffers.push(view.buffer);
  }
  return buffers;
};
