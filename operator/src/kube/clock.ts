/**
 * Time as everything in this folder gets it: injected, so that tests decide when it passes. Owns
 * the one real implementation and what is built from its timer.
 */

export interface KubeClock {
  /** ms since the epoch; may jump. For what people and the API server read. */
  readonly now: () => number;
  /** ms since some point; never goes back. For time limits and expiry. */
  readonly monotonic: () => number;
  /** Calls back once after so many ms unless cancelled by the function returned. */
  readonly after: (ms: number, run: () => void) => () => void;
}

export const systemClock: KubeClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many ms, or at once when `signal` aborts: look at the signal afterwards. */
export function pause(clock: KubeClock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}

/** An AbortSignal that fires when its parent does or when its time is up, whichever is first. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #clock: KubeClock;
  readonly #parent: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort();
  #cancel: () => void = () => undefined;
  #isExpired = false;

  constructor(clock: KubeClock, ms: number, parent?: AbortSignal) {
    this.#clock = clock;
    this.#parent = parent;
    this.signal = this.#controller.signal;
    if (parent?.aborted === true) this.#abort();
    parent?.addEventListener("abort", this.#abort, { once: true });
    this.extend(ms);
  }

  /** The time was up, as opposed to: the parent aborted. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Starts the time anew: a sign of life was seen. */
  extend(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => {
      this.#isExpired = true;
      this.#abort();
    });
  }

  /** No longer counts the time; the parent still aborts. */
  stopTimer(): void {
    this.#cancel();
  }

  /** To be called in a `finally`: leaves neither timer nor listener behind. */
  release(): void {
    this.#cancel();
    this.#parent?.removeEventListener("abort", this.#abort);
  }
}
