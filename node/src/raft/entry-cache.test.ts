import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryCache } from "./entry-cache.ts";
import { InvariantViolation } from "./index.ts";
import { at, entry } from "./test-entries.test-kit.ts";

function cacheOf(first: number, last: number, bytes: number = 10): EntryCache {
  const cache = new EntryCache();
  for (let index = first; index <= last; index += 1) cache.push(entry(index, 1, bytes));
  return cache;
}

test("a slice holds as much as its bytes allow and at least one entry", () => {
  const cache = cacheOf(5, 9);
  assert.deepEqual(
    cache.slice(at(6), 25).map((one) => one.index),
    [6, 7],
  );
  assert.deepEqual(
    cache.slice(at(6), 1).map((one) => one.index),
    [6],
  );
  assert.deepEqual(
    cache.slice(at(6), 1000).map((one) => one.index),
    [6, 7, 8, 9],
  );
});

test("eviction drops the oldest entries and keeps the newest however large it is", () => {
  const cache = cacheOf(1, 100);
  cache.evict(35);
  assert.equal(cache.firstIndex, 98);
  assert.equal(cache.bytes, 30);
  cache.evict(0);
  assert.equal(cache.firstIndex, 100);
  assert.ok(!cache.holds(at(99)));
  assert.deepEqual(
    cache.slice(at(100), 1).map((one) => one.index),
    [100],
  );
});

test("truncation and compaction keep count of the bytes", () => {
  const cache = cacheOf(1, 10);
  cache.truncateFrom(at(8));
  cache.dropThrough(at(3));
  assert.equal(cache.bytes, 40);
  assert.equal(cache.firstIndex, 4);
  cache.truncateFrom(at(1));
  assert.equal(cache.bytes, 0);
  assert.equal(cache.firstIndex, null);
  cache.push(entry(50, 2));
  assert.ok(cache.holds(at(50)));
});

test("a gap is impossible", () => {
  assert.throws(() => cacheOf(1, 3).push(entry(5, 1)), InvariantViolation);
});
