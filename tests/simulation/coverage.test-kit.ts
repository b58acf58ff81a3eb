/** Counts what a run reached, so that a run that did too little is seen. */

export class Coverage {
  readonly #counts = new Map<string, number>();

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  add(other: Coverage): void {
    for (const [what, by] of other.#counts) this.count(what, by);
  }

  /** Sum of all counters whose name starts with `prefix`. */
  sum(prefix: string): number {
    let sum = 0;
    for (const [what, by] of this.#counts) if (what.startsWith(prefix)) sum += by;
    return sum;
  }

  /** `name count` lines, by name. */
  lines(): readonly string[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, by]) => `  ${what.padEnd(44)} ${by}`);
  }
}
