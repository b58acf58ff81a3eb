/**
 * Current records while commands are applied: first as earlier commands of the same batch left
 * them, then from the cache of those written last. Keys are compared as bytes and hashed once;
 * strings of them would be made, hashed and interned for each command.
 */
import type { KvRecord } from "../../kv/index.ts";
import { type HashedKey, hashOf, RecordCache } from "./record-cache.ts";

/** What is known of one key; `record` is undefined when the key does not exist. */
export interface KnownRecord extends HashedKey {
  record: KvRecord | undefined;
  isChanged: boolean;
  /** Another key of the same hash. */
  readonly next: KnownRecord | null;
}

export class RecordOverlay {
  readonly #cache: RecordCache;
  #known = new Map<number, KnownRecord>();
  readonly #changed: KnownRecord[] = [];
  /** What was looked up last, which most often is what is changed next. */
  #last: KnownRecord | null = null;

  /** @param cacheBytes for records that were written last */
  constructor(cacheBytes: number) {
    this.#cache = new RecordCache(cacheBytes);
  }

  /** @returns undefined when it must be read from the engine, and then be told by `add` */
  find(key: Uint8Array): KnownRecord | undefined {
    if (this.#last?.key === key) return this.#last;
    const hash = hashOf(key);
    for (let known = this.#known.get(hash) ?? null; known !== null; known = known.next) {
      if (!isSameKey(known.key, key)) continue;
      this.#last = known;
      return known;
    }
    const record = this.#cache.get({ key, hash });
    return record === undefined ? undefined : this.#insert({ key, hash }, record);
  }

  /** What the engine has of a key that `find` did not know. The key must not change. */
  add(key: Uint8Array, record: KvRecord | undefined): KnownRecord {
    return this.#insert({ key, hash: hashOf(key) }, record);
  }

  /** A command wrote or, with undefined, deleted it. */
  change(key: Uint8Array, record: KvRecord | undefined): void {
    const known = this.find(key) ?? this.add(key, record);
    known.record = record;
    if (!known.isChanged) this.#changed.push(known);
    known.isChanged = true;
  }

  /**
   * Everything is written: forgets the batch. Only now may the cache change, for records that were
   * read are views on it.
   */
  settle(): void {
    for (const known of this.#changed) {
      if (known.record === undefined) this.#cache.delete(known);
      else this.#cache.set(known, known.record);
    }
    this.#changed.length = 0;
    // Not `clear`: V8 links the table that it empties to the next one, so that once one is old, all
    // later ones are kept with the entries that they held.
    this.#known = new Map();
    this.#last = null;
  }

  #insert({ key, hash }: HashedKey, record: KvRecord | undefined): KnownRecord {
    const next = this.#known.get(hash) ?? null;
    const known = { key, hash, record, isChanged: false, next };
    this.#known.set(hash, known);
    this.#last = known;
    return known;
  }
}

const isSameKey = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
};
