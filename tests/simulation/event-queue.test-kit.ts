/** What will happen, by simulated time in µs and then in order of scheduling: a binary heap. */

export interface ScheduledEvent {
  atUs: number;
  readonly order: number;
  run: (() => void) | null;
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);

export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #order = 0;
  #nowUs = 0;
  #leaptUs = 0;

  /** Simulated time since the start, µs. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Simulated time that was leapt over, µs; part of `nowUs`. */
  get leaptUs(): number {
    return this.#leaptUs;
  }

  /**
   * Time passes in which nothing happens: all that is scheduled stays as far ahead as it is. Only
   * for a system at rest, whose next minute is like the last one.
   */
  leap(byUs: number): void {
    this.#nowUs += byUs;
    this.#leaptUs += byUs;
    for (const event of this.#heap) event.atUs += byUs;
  }

  /** @returns a function that cancels it */
  schedule(delayUs: number, run: () => void): () => void {
    const atUs = this.#nowUs + Math.max(0, Math.round(delayUs));
    const event: ScheduledEvent = { atUs, order: this.#order, run };
    this.#order += 1;
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Time of the next event; null when there is none. */
  nextAtUs(): number | null {
    while (this.#heap[0]?.run === null) this.#pop();
    return this.#heap[0]?.atUs ?? null;
  }

  /** Runs the next event. False: there is none. */
  step(): boolean {
    if (this.nextAtUs() === null) return false;
    const event = this.#pop();
    if (event === undefined) return false;
    this.#nowUs = event.atUs;
    event.run?.();
    return true;
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as ScheduledEvent;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child += 1;
      const smaller = heap[child] as ScheduledEvent;
      if (!isBefore(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
