/** Lets so many through a second, and a burst at once; the others are told how long to wait. */

export interface TokenBucketSettings {
  readonly perSecond: number;
  readonly burst: number;
}

export class TokenBucket {
  readonly #settings: TokenBucketSettings;
  readonly #monotonic: () => number;
  /** Negative: promised to those who wait already. */
  #tokens: number;
  #filledAt: number;

  constructor(settings: TokenBucketSettings, monotonic: () => number) {
    this.#settings = settings;
    this.#monotonic = monotonic;
    this.#tokens = settings.burst;
    this.#filledAt = monotonic();
  }

  /** Takes a token, perhaps one of the future. @returns ms until it is there */
  reserve(): number {
    const { perSecond, burst } = this.#settings;
    const now = this.#monotonic();
    const gained = ((now - this.#filledAt) / 1_000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + gained) - 1;
    this.#filledAt = now;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / perSecond) * 1_000;
  }
}
