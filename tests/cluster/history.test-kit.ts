/**
 * What a load did to each key: writes that were acknowledged, with their revisions; writes whose
 * outcome is unknown; writes that were refused and must never be seen. One writer per key, so that
 * the order of its writes is known.
 */
import assert from "node:assert/strict";

/** `value` null: the key was deleted. */
export interface Change {
  readonly key: string;
  readonly value: string | null;
}

export interface Acknowledged {
  readonly revision: number;
  readonly changes: readonly Change[];
  /** Monotonic, ms. */
  readonly atMs: number;
}

export class History {
  readonly acknowledged: Acknowledged[] = [];
  unknown = 0;
  refused = 0;
  /** Values, null for a deletion, that may have been written, by key. */
  readonly #possible = new Map<string, Set<string | null>>();
  /** The newest acknowledged write of each key. */
  readonly #last = new Map<string, { readonly revision: number; readonly value: string | null }>();

  acknowledge(revision: number, changes: readonly Change[]): void {
    this.acknowledged.push({ revision, changes, atMs: performance.now() });
    for (const { key, value } of changes) {
      const before = this.revisionOf(key);
      assert.ok(revision > before, `${key}: acknowledged at ${revision} after ${before}`);
      this.#last.set(key, { revision, value });
    }
  }

  /** A deletion was told that there is nothing: that must be possible. */
  foundNothing(changes: readonly Change[]): void {
    for (const { key } of changes) assert.equal(this.findFault(key, null), null);
  }

  loseTrackOf(changes: readonly Change[]): void {
    this.unknown += 1;
    for (const { key, value } of changes) {
      const possible = this.#possible.get(key) ?? new Set();
      this.#possible.set(key, possible.add(value));
    }
  }

  keys(): readonly string[] {
    return [...new Set([...this.#last.keys(), ...this.#possible.keys()])];
  }

  /** The revision of the newest acknowledged write of a key, 0 when there is none. */
  revisionOf(key: string): number {
    return this.#last.get(key)?.revision ?? 0;
  }

  /** Why what a key holds in the end cannot come from this history; null when it can. */
  findFault(
    key: string,
    found: { readonly revision: number; readonly value: string } | null,
  ): string | null {
    const last = this.#last.get(key) ?? { revision: 0, value: null };
    const value = found?.value ?? null;
    if (found !== null && found.revision < last.revision) {
      return `${key} is ${value} of revision ${found.revision}, acknowledged: ${last.revision}`;
    }
    const isLast = value === last.value && (found === null || found.revision === last.revision);
    if (isLast || this.#possible.get(key)?.has(value) === true) return null;
    const wanted = `${last.value} of revision ${last.revision}`;
    return `${key} is ${value} (${found?.revision}), acknowledged: ${wanted}`;
  }

  /** From a moment to the next acknowledgement, ms. */
  gapAfter(atMs: number): number {
    const times = this.acknowledged.map((write) => write.atMs);
    const first = times.find((time) => time > atMs) ?? Number.POSITIVE_INFINITY;
    return first - atMs;
  }

  /** The longest time without an acknowledgement, ms. */
  longestGapMs(fromMs: number, toMs: number): number {
    const inside = this.acknowledged
      .map((write) => write.atMs)
      .filter((time) => time >= fromMs && time <= toMs)
      .sort((a, b) => a - b);
    const times = [fromMs, ...inside, toMs];
    return Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? time)));
  }
}
