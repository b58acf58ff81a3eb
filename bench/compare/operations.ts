/** What a load sends, one operation after the other: keys at random, values of one size. */
import { randomBytes } from "node:crypto";
import { BATCH_PUTS, type Mix } from "./load-order.ts";
import type { Operation, Put } from "./protocol.ts";

/** Different values, so that nothing is gained by compressing them; at most so many bytes. */
const VALUES = 64;
const VALUES_BYTES_MAX = 16 * 1024 * 1024;

export const keyOf = (number: number): string => `bench-${String(number).padStart(8, "0")}`;

export interface OperationOrder {
  readonly mix: Mix;
  readonly keys: number;
  readonly valueBytes: number;
}

export class Operations {
  readonly #order: OperationOrder;
  readonly #values: readonly Buffer[];
  #count = 0;
  #nextValue = 0;

  constructor(order: OperationOrder) {
    this.#order = order;
    const room = Math.floor(VALUES_BYTES_MAX / Math.max(1, order.valueBytes));
    const count = Math.max(1, Math.min(VALUES, room));
    this.#values = Array.from({ length: count }, () => randomBytes(order.valueBytes));
  }

  next(): Operation {
    const { mix } = this.#order;
    this.#count += 1;
    if (mix === "batch") return { kind: "batch", puts: this.#batch() };
    const isGet = mix === "get" || (mix === "9:1" && this.#count % 10 !== 0);
    return isGet ? { kind: "get", key: this.#key() } : { kind: "put", ...this.#put(this.#key()) };
  }

  /** One batch of neighbouring keys, for filling. */
  fill(from: number, to: number): Operation {
    const puts = Array.from({ length: to - from }, (_, at) => this.#put(keyOf(from + at)));
    return { kind: "batch", puts };
  }

  /** Each key at most once. */
  #batch(): Put[] {
    const keys = new Set<string>();
    const wanted = Math.min(BATCH_PUTS, this.#order.keys);
    while (keys.size < wanted) keys.add(this.#key());
    return [...keys].map((key) => this.#put(key));
  }

  #put(key: string): Put {
    this.#nextValue += 1;
    return { key, value: this.#values[this.#nextValue % this.#values.length] ?? Buffer.alloc(0) };
  }

  #key(): string {
    return keyOf(Math.floor(Math.random() * this.#order.keys));
  }
}
