/**
 * The half of the store that the driver holds: packs requests, hands them over once per turn of the
 * event loop, and calls back in order. It never blocks and keeps no data but what is on its way.
 */
import type { LogIndex, LogWrite, SnapshotMetadata } from "../raft/index.ts";
import type {
  Applied,
  SnapshotSink,
  SnapshotSource,
  StateReader,
  Store,
  StoreStats,
} from "../replica/index.ts";
import { fromErrorMessage, type StorageError } from "./errors.ts";
import { EMPTY_BLOCK, packEntries, unpackEntries } from "./log/entry-block.ts";
import { unpackSettled } from "./settled-codec.ts";
import type {
  SingleRequest,
  StateAccess,
  StoreAnswer,
  StoreGauges,
  StoreRequest,
} from "./store-messages.ts";
import { SwitchingReader } from "./switching-reader.ts";

/** What one group of writes or applies took, for metrics. */
export type StoreTiming =
  | {
      readonly type: "append";
      /** One write and one fdatasync. */
      readonly ms: number;
      readonly entries: number;
      readonly bytes: number;
    }
  | { readonly type: "apply"; readonly ms: number; readonly entries: number };

export interface StoreListeners {
  /** A failed write or sync, or damage: the process must crash. Nothing is called back after it. */
  readonly onFatal: (error: StorageError) => void;
  readonly onTiming: (timing: StoreTiming) => void;
  /** What recovery had to repair, in words with file names. */
  readonly onNotice: (text: string) => void;
}

export interface ClientPorts extends StoreListeners {
  send(requests: readonly StoreRequest[]): void;
  /** Calls later in this turn of the event loop or soon after it. */
  schedule(task: () => void): void;
  /** Opens a reader of the state that the other half writes. */
  openReader(access: StateAccess, done: (reader: StateReader) => void): void;
  /** The reader of a replaced state is not used any more. */
  closeReader(reader: StateReader): void;
}

type AnswerOf<T extends StoreAnswer["type"]> = Extract<StoreAnswer, { readonly type: T }>;

export class StoreClient implements Store {
  readonly reader: SwitchingReader;
  readonly #ports: ClientPorts;
  readonly #appends: (() => void)[] = [];
  readonly #applies: ((applied: Applied) => void)[] = [];
  readonly #singles: ((answer: StoreAnswer) => void)[] = [];
  #outbox: StoreRequest[] = [];
  #gauges: StoreGauges = { logBytes: 0, stateBytes: 0 };
  #stateReader: StateReader;
  #snapshots = 0;
  #installations = 0;
  #isStopped = false;

  constructor(reader: StateReader, ports: ClientPorts) {
    this.#ports = ports;
    this.#stateReader = reader;
    this.reader = new SwitchingReader(reader);
  }

  append(write: LogWrite, done: () => void): void {
    const { hardState, entries } = write;
    const block = entries.length === 0 ? EMPTY_BLOCK : packEntries(entries);
    this.#appends.push(done);
    this.#post({ type: "append", hardState, block });
  }

  apply(index: LogIndex, done: (applied: Applied) => void): void {
    this.#applies.push(done);
    this.#post({ type: "apply", index });
  }

  readEntries(...[from, to, bytesMax, done]: Parameters<Store["readEntries"]>): void {
    this.#ask({ type: "read", from, to, bytesMax }, "entries", ({ blocks }) => {
      done(blocks.flatMap(unpackEntries));
    });
  }

  compactLog(index: LogIndex, done: (compacted: AnswerOf<"compacted">) => void): void {
    this.#ask({ type: "compactLog", index }, "compacted", done);
  }

  openSnapshot(done: (source: SnapshotSource) => void): void {
    this.#snapshots += 1;
    const id = this.#snapshots;
    this.#ask({ type: "openSnapshot", id }, "snapshot", ({ metadata, revision }) => {
      done({
        metadata,
        revision,
        next: (onChunk) =>
          this.#ask({ type: "nextChunk", id }, "chunk", ({ chunk }) => onChunk(chunk)),
        close: () => this.#ask({ type: "closeSnapshot", id }, "done", () => undefined),
      });
    });
  }

  beginInstall(metadata: SnapshotMetadata, done: (sink: SnapshotSink) => void): void {
    this.#installations += 1;
    const number = this.#installations;
    // The other half knows one installation, the latest: a sink that gave way must not touch it.
    const isLatest = (): boolean => number === this.#installations;
    this.#ask({ type: "beginInstall", metadata }, "done", () => {
      done({
        write: (chunk, written) => {
          if (isLatest()) this.#writeChunk(chunk, written);
          else written(false);
        },
        install: (installed) => {
          if (isLatest()) this.#install(installed);
          else installed(null);
        },
        abort: () => {
          if (isLatest()) this.#ask({ type: "abortInstall" }, "done", () => undefined);
        },
      });
    });
  }

  stats(): StoreStats {
    return this.#gauges;
  }

  /** Makes everything durable and closes; `done` when the other half has ended its work. */
  close(done: () => void): void {
    this.#ask({ type: "close" }, "done", done);
  }

  /** An answer of the other half. */
  receive(answer: StoreAnswer): void {
    if (this.#isStopped) return;
    switch (answer.type) {
      case "appended":
        this.#appended(answer);
        return;
      case "applied":
        this.#applied(answer);
        return;
      case "gauges":
        this.#gauges = answer.gauges;
        return;
      case "notice":
        this.#ports.onNotice(answer.text);
        return;
      case "fatal":
        this.stop();
        this.#ports.onFatal(fromErrorMessage(answer.error));
        return;
      default:
        take(this.#singles)(answer);
    }
  }

  /** The other half is gone: nothing is sent or called back any more. */
  stop(): void {
    this.#isStopped = true;
  }

  #appended({ requests, entries, bytes, ms }: AnswerOf<"appended">): void {
    this.#ports.onTiming({ type: "append", ms, entries, bytes });
    for (let n = 0; n < requests; n += 1) take(this.#appends)();
  }

  /** Applies that were merged: the first gets all answers, the others the same summary. */
  #applied({ requests, entries, summary, ms, ...rest }: AnswerOf<"applied">): void {
    this.#ports.onTiming({ type: "apply", ms, entries });
    const { divergence } = rest;
    take(this.#applies)({ summary, settled: unpackSettled(rest.settled), divergence });
    for (let n = 1; n < requests; n += 1) {
      take(this.#applies)({ summary, settled: [], divergence: null });
    }
  }

  #writeChunk(chunk: Uint8Array, written: (ok: boolean) => void): void {
    // Copied: the chunk is a view on a buffer of the transport.
    this.#ask({ type: "writeChunk", chunk: Uint8Array.from(chunk) }, "written", ({ ok }) =>
      written(ok),
    );
  }

  #install(done: Parameters<SnapshotSink["install"]>[0]): void {
    this.#ask({ type: "install" }, "installed", ({ outcome }) => {
      if (outcome === null) {
        done(null);
        return;
      }
      const { summary, access } = outcome;
      this.#ports.openReader(access, (reader) => {
        const before = this.#stateReader;
        this.#stateReader = reader;
        this.reader.switchTo(reader, () => {
          this.#ports.closeReader(before);
          this.#ask({ type: "releaseReplaced" }, "done", () => undefined);
        });
        done({ summary });
      });
    });
  }

  #ask<T extends StoreAnswer["type"]>(
    request: SingleRequest,
    expected: T,
    done: (answer: AnswerOf<T>) => void,
  ): void {
    this.#singles.push((answer) => {
      if (!isAnswer(answer, expected)) {
        throw new Error(`the store answered ${answer.type} to ${request.type}`);
      }
      done(answer);
    });
    this.#post(request);
  }

  #post(request: StoreRequest): void {
    if (this.#isStopped) return;
    if (this.#outbox.length === 0) this.#ports.schedule(() => this.#flush());
    this.#outbox.push(request);
  }

  #flush(): void {
    if (this.#isStopped) return;
    const requests = this.#outbox;
    this.#outbox = [];
    this.#ports.send(requests);
  }
}

const isAnswer = <T extends StoreAnswer["type"]>(
  answer: StoreAnswer,
  type: T,
): answer is AnswerOf<T> => answer.type === type;

const take = <T>(queue: T[]): T => {
  const first = queue.shift();
  if (first === undefined) throw new Error("the store answered more than it was asked");
  return first;
};
