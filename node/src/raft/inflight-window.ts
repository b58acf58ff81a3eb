/**
 * The AppendEntries on their way to one follower, bounded by count and by bytes, so that a slow
 * follower cannot make the leader's memory or its network queue grow.
 */
import type { LogIndex } from "./types.ts";

interface InflightAppend {
  readonly lastIndex: LogIndex;
  readonly bytes: number;
}

export class InflightWindow {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #appends: InflightAppend[] = [];
  #head = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#appends.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** No more may be sent before an acknowledgement. One message may go over the limit of bytes. */
  get isFull(): boolean {
    return this.count >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  add(lastIndex: LogIndex, bytes: number): void {
    this.#appends.push({ lastIndex, bytes });
    this.#bytes += bytes;
  }

  /** Everything up to `index` was acknowledged. */
  freeThrough(index: LogIndex): void {
    for (;;) {
      const oldest = this.#appends[this.#head];
      if (oldest === undefined || oldest.lastIndex > index) break;
      this.#bytes -= oldest.bytes;
      this.#head += 1;
    }
    if (this.#head * 2 <= this.#appends.length) return;
    this.#appends = this.#appends.slice(this.#head);
    this.#head = 0;
  }

  clear(): void {
    this.#appends = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
