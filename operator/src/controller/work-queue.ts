/**
 * Keys to work on, with the semantics of client-go's workqueue: a key is queued at most once, never
 * handed to two workers, and queued again when it was added while somebody worked on it. Failed
 * keys come back with exponential backoff, and all failures together no faster than a token bucket
 * lets.
 */
import { TokenBucket, type TokenBucketSettings } from "./token-bucket.ts";

/** Time as everything in this folder gets it; `kube/`'s clock fits. */
export interface ProcessClock {
  /** ms since the epoch. */
  readonly now: () => number;
  /** ms that never go back. */
  readonly monotonic: () => number;
  /** Calls back once after so many ms unless cancelled by the function returned. */
  readonly after: (ms: number, run: () => void) => () => void;
}

export interface WorkQueueSettings {
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  readonly retries: TokenBucketSettings;
}

/** As in client-go and controller-runtime. */
export const defaultWorkQueueSettings: WorkQueueSettings = {
  backoffBaseMs: 5,
  backoffMaxMs: 1_000_000,
  retries: { perSecond: 10, burst: 100 },
};

export interface WorkQueueParts {
  readonly clock: ProcessClock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly settings?: WorkQueueSettings;
}

interface Waiting {
  readonly at: number;
  readonly cancel: () => void;
}

export class WorkQueue {
  readonly #clock: ProcessClock;
  readonly #random: () => number;
  readonly #settings: WorkQueueSettings;
  readonly #bucket: TokenBucket;
  /** Wanted: queued, or to be queued when the worker that has it is done. */
  readonly #dirty = new Set<string>();
  /** In a worker's hands, since when. */
  readonly #processing = new Map<string, number>();
  readonly #queue: string[] = [];
  readonly #waiting = new Map<string, Waiting>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | null) => void)[] = [];
  #isShutDown = false;

  constructor({ clock, random, settings }: WorkQueueParts) {
    this.#clock = clock;
    this.#random = random;
    this.#settings = settings ?? defaultWorkQueueSettings;
    this.#bucket = new TokenBucket(this.#settings.retries, clock.monotonic);
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#queue.length;
  }

  /** Keys that a worker has. */
  get inProgress(): number {
    return this.#processing.size;
  }

  /** ms since the longest of those was taken; 0 when there is none. */
  get longestMs(): number {
    const now = this.#clock.monotonic();
    return Math.max(0, ...[...this.#processing.values()].map((since) => now - since));
  }

  add(key: string): void {
    if (this.#isShutDown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (this.#processing.has(key)) return;
    this.#queue.push(key);
    this.#handOut();
  }

  /** Adds the key later; of several times the earliest counts, and taking the key ends the wait. */
  addAfter(key: string, ms: number): void {
    if (this.#isShutDown) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const known = this.#waiting.get(key);
    if (known !== undefined && known.at <= at) return;
    known?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#waiting.delete(key);
      this.add(key);
    });
    this.#waiting.set(key, { at, cancel });
  }

  /** Adds a key whose work failed. @returns ms until then */
  addRateLimited(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const { backoffBaseMs, backoffMaxMs } = this.#settings;
    const plain = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(failures, 40));
    const own = plain * (0.5 + 0.5 * this.#random());
    const ms = Math.max(own, this.#bucket.reserve());
    this.addAfter(key, ms);
    return ms;
  }

  /** The work succeeded: its backoff starts anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, now or when there is one; null once the queue was shut down. */
  take(): Promise<string | null> {
    if (this.#isShutDown) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#handOut();
    });
  }

  /** Must follow every `take` of a key, whatever came of the work. */
  done(key: string): void {
    this.#processing.delete(key);
    if (!this.#dirty.has(key) || this.#isShutDown) return;
    this.#queue.push(key);
    this.#handOut();
  }

  /** Nothing is handed out any more; workers end as they come for more. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
    this.#queue.length = 0;
    this.#dirty.clear();
    for (const resolve of this.#takers.splice(0)) resolve(null);
  }

  #handOut(): void {
    while (this.#takers.length > 0) {
      const key = this.#queue.shift();
      if (key === undefined) return;
      this.#dirty.delete(key);
      this.#processing.set(key, this.#clock.monotonic());
      this.#waiting.get(key)?.cancel();
      this.#waiting.delete(key);
      this.#takers.shift()?.(key);
    }
  }
}
