/** Simulated time: what will happen, by microsecond and then in order of scheduling. */
import sortedBTree from "sorted-btree";

// The package is CommonJS: its default export is a property of what Node imports.
const BTree = sortedBTree.default;

interface Event {
  readonly atUs: number;
  readonly order: number;
  run: (() => void) | null;
}

/** The driver's promises chain so deep at most between two events. */
const MICROTASK_TURNS = 4;

export class VirtualTime {
  readonly #events = new BTree<Event, true>(
    undefined,
    (a, b) => a.atUs - b.atUs || a.order - b.order,
  );
  #order = 0;
  #nowUs = 0;
  #steps = 0;

  /** Since the start, µs. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Events so far. */
  get steps(): number {
    return this.#steps;
  }

  /** @returns what cancels it */
  after(delayUs: number, run: () => void): () => void {
    const event: Event = { atUs: this.#nowUs + Math.max(0, delayUs), order: this.#order, run };
    this.#order += 1;
    this.#events.set(event, true);
    return () => {
      event.run = null;
    };
  }

  /**
   * Lets things happen until `isDone`.
   * @throws Error when it did not come about within so much simulated time
   */
  async runUntil(isDone: () => boolean, forUs: number): Promise<void> {
    const endUs = this.#nowUs + forUs;
    while (!isDone()) {
      const next = this.#events.minKey();
      if (next === undefined || next.atUs > endUs) {
        throw new Error(`not done after ${forUs / 1000} simulated ms`);
      }
      await this.#step(next);
    }
  }

  /** Lets so much time pass. */
  async pass(forUs: number): Promise<void> {
    const endUs = this.#nowUs + forUs;
    for (;;) {
      const next = this.#events.minKey();
      if (next === undefined || next.atUs > endUs) break;
      await this.#step(next);
    }
    this.#nowUs = endUs;
  }

  async #step(event: Event): Promise<void> {
    this.#events.delete(event);
    this.#nowUs = event.atUs;
    this.#steps += 1;
    event.run?.();
    for (let turn = 0; turn < MICROTASK_TURNS; turn += 1) await undefined;
  }
}
