/**
 * Events on their way into one row: what one batch changed. With a row for each event a put had one
 * insertion more into RocksDB's memtable, and every merge of files one row more.
 */
import {
  EVENT_BLOCK_FORMAT,
  EVENT_LENGTH_BYTES,
  type EventPlace,
  eventKey,
  toRevision,
} from "../../kv/index.ts";
import type { EngineBatch } from "./engine.ts";

/** A block is closed at this size, so that no reader has to take in a huge row. */
export const EVENT_BLOCK_BYTES: number = 64 * 1024;
const BYTES_MIN = 4096;

export class EventBlock {
  #bytes = new Uint8Array(BYTES_MIN);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #last = { revision: toRevision(0), sub: 0 };

  /** Bytes that wait for their row. */
  get bytes(): number {
    return this.#length;
  }

  /** @returns true when the block should be closed now */
  add({ revision, sub }: EventPlace, event: Uint8Array): boolean {
    if (this.#length === 0) this.#begin();
    const eventAt = this.#length + EVENT_LENGTH_BYTES;
    this.#reserve(eventAt + event.length);
    this.#view.setUint32(this.#length, event.length);
    this.#bytes.set(event, eventAt);
    this.#length = eventAt + event.length;
    this.#last.revision = revision;
    this.#last.sub = sub;
    return this.#length >= EVENT_BLOCK_BYTES;
  }

  /** Puts the row into a batch, which copies it. */
  close(batch: EngineBatch): void {
    if (this.#length === 0) return;
    batch.put(eventKey(this.#last), this.#bytes.subarray(0, this.#length));
    this.#length = 0;
  }

  #begin(): void {
    this.#bytes[0] = EVENT_BLOCK_FORMAT;
    this.#length = 1;
  }

  #reserve(count: number): void {
    if (count <= this.#bytes.length) return;
    const grown = new Uint8Array(count * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
