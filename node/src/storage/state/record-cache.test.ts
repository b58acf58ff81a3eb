import assert from "node:assert/strict";
import { test } from "node:test";
import { type KvRecord, toRevision } from "../../kv/index.ts";
import { seededRandom } from "../seeded-random.test-kit.ts";
import { CACHED_ENTRY_BYTES_MAX, type HashedKey, hashOf, RecordCache } from "./record-cache.ts";

/** The least there may be. */
const RING_BYTES = 4 * CACHED_ENTRY_BYTES_MAX;

const keyOf = (text: string): HashedKey => {
  const key = new TextEncoder().encode(text);
  return { key, hash: hashOf(key) };
};

const recordOf = (revision: number, valueBytes: number): KvRecord => ({
  modRevision: toRevision(revision),
  createRevision: toRevision(1),
  version: 1,
  lease: 0,
  value: new Uint8Array(valueBytes).fill(revision % 256),
});

/** As an object of its own: what the cache gives is a view on its ring. */
const copyOf = (record: KvRecord | undefined): KvRecord | undefined =>
  record && { ...record, value: Uint8Array.from(record.value) };

test("a record is known from its first set to its deletion", () => {
  const cache = new RecordCache(RING_BYTES);
  const key = keyOf("a");
  assert.equal(cache.get(key), undefined);
  cache.set(key, recordOf(1, 10));
  assert.deepEqual(cache.get(key), recordOf(1, 10));
  cache.set(key, recordOf(2, 10));
  assert.deepEqual(cache.get(key), recordOf(2, 10), "of the same size, in place");
  cache.set(key, recordOf(3, 500));
  assert.deepEqual(cache.get(key), recordOf(3, 500), "of another size");
  cache.delete(key);
  assert.equal(cache.get(key), undefined);
});

test("keys of one hash are told apart", () => {
  const cache = new RecordCache(RING_BYTES);
  const names = ["a", "b", "c"];
  const keys = names.map((name) => ({ ...keyOf(name), hash: 7 }));
  for (const [at, key] of keys.entries()) cache.set(key, recordOf(at + 1, 10));
  assert.deepEqual(
    keys.map((key) => cache.get(key)?.modRevision),
    [1, 2, 3],
  );
});

test("a full bucket gives up its oldest entry", () => {
  const cache = new RecordCache(RING_BYTES);
  const keys = ["a", "b", "c", "d", "e"].map((name) => ({ ...keyOf(name), hash: 7 }));
  for (const [at, key] of keys.entries()) cache.set(key, recordOf(at + 1, 10));
  assert.deepEqual(
    keys.map((key) => cache.get(key)?.modRevision),
    [undefined, 2, 3, 4, 5],
  );
});

test("a record too large for it is not kept, nor what it supersedes", () => {
  const cache = new RecordCache(RING_BYTES);
  const key = keyOf("a");
  cache.set(key, recordOf(1, 10));
  cache.set(key, recordOf(2, CACHED_ENTRY_BYTES_MAX));
  assert.equal(cache.get(key), undefined);
});

test("it must hold a few of the largest entries", () => {
  for (const bytes of [0, 1024, RING_BYTES - 1, Number.NaN]) {
    assert.throws(() => new RecordCache(bytes), RangeError, String(bytes));
  }
});

test("bytes of a client cannot pass for an entry that was there before", () => {
  const cache = new RecordCache(RING_BYTES);
  const victim = keyOf("victim");
  cache.set(keyOf("first"), recordOf(1, 100));
  // Where the next entry goes: behind the byte that is never used, and the first entry.
  const place = 1 + 8 + "first".length + 34 + 100;
  cache.set(victim, recordOf(2, 100));
  const forged = new Uint8Array(4096);
  const view = new DataView(forged.buffer);
  view.setUint32(place - 8, victim.key.length);
  view.setUint32(place - 4, 134);
  forged.set(victim.key, place);
  forged.set([1, 1, 0, 0, 0, 0, 0, 0, 0, 9], place + victim.key.length);
  // Nothing else fits into what is left of this round, so the forged key begins the next one.
  for (let n = 0; n < 4; n += 1) cache.set(keyOf(`filler-${n}`), recordOf(3, 15_900));
  cache.set({ key: forged, hash: hashOf(forged) }, recordOf(4, 10));
  assert.equal(cache.get(victim), undefined);
});

test("over many rounds of the ring it never gives anything but the last record", () => {
  const random = seededRandom(1);
  // No power of two: entries and rounds of the ring end anywhere.
  const cache = new RecordCache(RING_BYTES + 4321);
  const last = new Map<string, KvRecord>();
  let hits = 0;
  for (let revision = 1; revision <= 30_000; revision += 1) {
    const name = `key/${Math.floor(random() * 300)}`;
    const key = keyOf(name);
    const found = copyOf(cache.get(key));
    if (found !== undefined) {
      hits += 1;
      assert.deepEqual(found, last.get(name));
    }
    if (random() < 0.1) {
      cache.delete(key);
      last.delete(name);
    } else {
      const record = recordOf(revision, random() < 0.5 ? 200 : Math.floor(random() * 2000));
      cache.set(key, record);
      last.set(name, record);
    }
  }
  // The ring holds some 110 of 300 keys of 590 bytes on average.
  assert.ok(hits > 5_000 && hits < 25_000, `${hits} hits`);
});
