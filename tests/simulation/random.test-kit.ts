/**
 * The only chance in a simulation: xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32.
 * Streams are forked by label, so that a new question put to one does not change the others.
 */

const splitmix = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
};

const rotateLeft = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** FNV-1a over the code units of a text. */
export const hashText = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
};

export class Random {
  readonly #seed: number;
  readonly #state: Uint32Array = new Uint32Array(4);

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    const mix = splitmix(seed);
    for (let at = 0; at < 4; at += 1) this.#state[at] = mix();
  }

  /** A stream of its own, the same for the same label, whatever was drawn before. */
  fork(label: string): Random {
    return new Random((hashText(label) ^ Math.imul(this.#seed, 0x85ebca6b)) >>> 0);
  }

  uint32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const mixed = c ^ a;
    const last = d ^ b;
    this.#state[1] = b ^ mixed;
    this.#state[0] = a ^ last;
    this.#state[2] = mixed ^ (b << 9);
    this.#state[3] = rotateLeft(last, 11);
    return result;
  }

  /** A number in [0, 1). */
  readonly next = (): number => this.uint32() / 0x1_0000_0000;

  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** Mostly small, seldom large: exponential with this mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let at = shuffled.length - 1; at > 0; at -= 1) {
      const other = this.integer(0, at);
      const swapped = shuffled[at] as T;
      shuffled[at] = shuffled[other] as T;
      shuffled[other] = swapped;
    }
    return shuffled;
  }
}
