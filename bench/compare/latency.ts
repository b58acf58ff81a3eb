/** Latencies of one run, kept whole (8 bytes each) so that percentiles are exact. */

export class Latencies {
  #values = new Float64Array(65_536);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param ms milliseconds */
  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count] = ms;
    this.#count += 1;
  }

  reset(): void {
    this.#count = 0;
  }

  /** Milliseconds below which the share `of` (0 to 1) of the requests was answered. */
  percentiles(of: readonly number[]): number[] {
    const sorted = this.#values.slice(0, this.#count).sort();
    return of.map(
      (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0,
    );
  }
}
