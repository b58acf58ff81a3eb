/**
 * What waits for the loop. Messages from peers are bounded by count and bytes and dropped above it
 * (Raft repeats them); answers of the store are bounded by what was asked of it and always taken.
 */
import type { Input, Message } from "../raft/index.ts";

export interface InboxLimits {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

/** Bytes of entry data that a message holds in memory. */
const messageBytes = (message: Message): number => {
  if (message.type !== "appendEntries") return 0;
  let bytes = 0;
  for (const entry of message.entries) bytes += entry.data.length;
  return bytes;
};

export class Inbox {
  readonly #limits: InboxLimits;
  #inputs: Input[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  get items(): number {
    return this.#inputs.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Messages dropped since start because the inbox was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a peer's message. False: full, dropped. */
  offer(message: Message): boolean {
    const bytes = messageBytes(message);
    const full =
      this.#inputs.length >= this.#limits.itemsMax ||
      (this.#bytes > 0 && this.#bytes + bytes > this.#limits.bytesMax);
    if (full) {
      this.#dropped += 1;
      return false;
    }
    this.#bytes += bytes;
    this.#inputs.push({ type: "message", message });
    return true;
  }

  /** Takes an input that must not be lost: ticks, answers of the store, admitted requests. */
  push(input: Input): void {
    this.#inputs.push(input);
  }

  /** As `push`, before all that waits: what waits must be seen in its light. */
  pushFirst(input: Input): void {
    this.#inputs.unshift(input);
  }

  /** Everything that waits, in order of arrival. */
  drain(): readonly Input[] {
    const inputs = this.#inputs;
    this.#inputs = [];
    this.#bytes = 0;
    return inputs;
  }
}
