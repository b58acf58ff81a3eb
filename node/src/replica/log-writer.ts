/**
 * Hands the core's writes to the store, in order and without waiting, and holds back the messages
 * that promise durability until it is there. It must never let an acknowledgement or a vote leave
 * before the write it speaks of (Figure 2; thesis §10.2.1).
 */
import type { LogWrite, Message } from "../raft/index.ts";
import type { Store } from "./ports.ts";

interface WriteInFlight {
  readonly write: LogWrite;
  readonly startedAtMs: number;
  messages: readonly Message[];
}

export interface LogWriterHandlers {
  send(message: Message): void;
  /** The write is durable. */
  persisted(write: LogWrite): void;
  monotonicMs(): number;
}

export class LogWriter {
  readonly #store: Store;
  readonly #handlers: LogWriterHandlers;
  /** In order; the store completes them in order. */
  readonly #inFlight: WriteInFlight[] = [];

  constructor(store: Store, handlers: LogWriterHandlers) {
    this.#store = store;
    this.#handlers = handlers;
  }

  /** A write is under way. */
  get isBusy(): boolean {
    return this.#inFlight.length > 0;
  }

  /** Milliseconds that the oldest write has been under way; 0 when none is. */
  oldestAgeMs(): number {
    const oldest = this.#inFlight[0];
    return oldest === undefined ? 0 : this.#handlers.monotonicMs() - oldest.startedAtMs;
  }

  /** Writes, and sends `messages` once it and every earlier write is durable. */
  submit(write: LogWrite | null, messages: readonly Message[]): void {
    if (write !== null) this.#begin(write, messages);
    else if (messages.length > 0) this.#afterEarlierWrites(messages);
  }

  #begin(write: LogWrite, messages: readonly Message[]): void {
    const startedAtMs = this.#handlers.monotonicMs();
    this.#inFlight.push({ write, startedAtMs, messages });
    this.#store.append(write, () => this.#completed());
  }

  #afterEarlierWrites(messages: readonly Message[]): void {
    const last = this.#inFlight.at(-1);
    if (last === undefined) this.#sendAll(messages);
    else last.messages = [...last.messages, ...messages];
  }

  #completed(): void {
    const done = this.#inFlight.shift();
    if (done === undefined) throw new Error("the store completed a write that was not under way");
    this.#sendAll(done.messages);
    this.#handlers.persisted(done.write);
  }

  #sendAll(messages: readonly Message[]): void {
    for (const message of messages) this.#handlers.send(message);
  }
}
