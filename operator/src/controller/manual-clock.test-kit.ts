/** A clock that stands still until a test moves it. */
import type { ProcessClock } from "./work-queue.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class ManualClock implements ProcessClock {
  #now = 1_000_000;
  readonly #timers = new Set<Timer>();

  readonly now = (): number => this.#now;
  readonly monotonic = (): number => this.#now;
  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  /** Fires what is due, in order, timers made meanwhile included. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}
