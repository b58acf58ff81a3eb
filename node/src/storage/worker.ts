/**
 * The entry of the thread that owns all writes of a node. It takes everything that has arrived
 * before it works, so that what waited together shares one sync, and never touches the network.
 */
import { randomBytes } from "node:crypto";
import {
  parentPort,
  receiveMessageOnPort,
  type Transferable,
  workerData,
} from "node:worker_threads";
import { toErrorMessage } from "./errors.ts";
import { realFiles } from "./files.ts";
import { MEMBER_FOLDER } from "./member-files.ts";
import type { StorageOptions } from "./options.ts";
import { RocksStates } from "./rocks-states.ts";
import { RocksEngine, type RocksOptions } from "./rocksdb.ts";
import type { Engine } from "./state/index.ts";
import { StoreCore } from "./store-core.ts";
import type { StateAccess, StoreAnswer, StoreRequest } from "./store-messages.ts";
import { StoreServer } from "./store-server.ts";

/** What the main thread tells the worker at its start. */
export interface WorkerSetup {
  readonly root: string;
  readonly origin: number;
  readonly options: StorageOptions;
  readonly rocks: RocksOptions;
}

const port = parentPort;
if (port === null) throw new Error("storage/worker.ts is the entry of a worker thread");
// The main thread is the only one that starts this file, with a WorkerSetup.
const setup: WorkerSetup = workerData;

const answer = (message: StoreAnswer): void => {
  const owned = ownedAnswer(message);
  port.postMessage(owned, buffersOf(owned));
};

/** A chunk may be a view on a pooled buffer, which must not be given away. */
const ownedAnswer = (message: StoreAnswer): StoreAnswer => {
  if (message.type !== "chunk" || message.chunk === null) return message;
  const { chunk } = message;
  return chunk.byteLength === chunk.buffer.byteLength
    ? message
    : { type: "chunk", chunk: Uint8Array.from(chunk) };
};

const buffersOf = (message: StoreAnswer): Transferable[] => {
  switch (message.type) {
    case "applied":
      return [message.settled.buffer];
    case "entries":
      return toTransfer(message.blocks.map(({ bytes }) => bytes));
    case "chunk":
      return message.chunk === null ? [] : toTransfer([message.chunk]);
    default:
      return [];
  }
};

const toTransfer = (views: readonly Uint8Array[]): Transferable[] =>
  views.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));

const access = (engine: Engine): StateAccess => {
  if (!(engine instanceof RocksEngine)) throw new TypeError("not an engine of this thread");
  return { path: engine.path, handle: engine.handle };
};

let server: StoreServer | null = null;

const fail = (error: unknown): void => {
  if (server === null) answer({ type: "fatal", error: toErrorMessage(error) });
  else server.fail(error);
};

const serve = (core: StoreCore): void => {
  const started = new StoreServer(core, setup.options, {
    answer,
    access,
    monotonicMs: () => performance.now(),
    defer: (task) => setImmediate(task),
    onError: () => undefined,
  });
  server = started;
  port.on("message", (first: readonly StoreRequest[]) => {
    started.enqueue(first);
    for (;;) {
      const next = receiveMessageOnPort(port);
      if (next === undefined) break;
      started.enqueue(next.message);
    }
    started.run();
  });
};

try {
  const states = new RocksStates(`${setup.root}/${MEMBER_FOLDER}`, setup.rocks, fail);
  const random = (): number => randomBytes(4).readUInt32BE() / 0x1_0000_0000;
  const onNotice = (text: string): void => answer({ type: "notice", text });
  StoreCore.open({ ...setup, files: realFiles, states, random, onNotice }, serve);
} catch (error) {
  fail(error);
}
