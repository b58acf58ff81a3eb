import assert from "node:assert/strict";
import { test } from "node:test";
import { type KvRecord, toRevision } from "../../kv/index.ts";
import { seededRandom } from "../seeded-random.test-kit.ts";
import { hashOf } from "./record-cache.ts";
import { RecordOverlay } from "./record-overlay.ts";

const CACHE_BYTES = 64 * 1024;
const keyOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const recordOf = (revision: number): KvRecord => ({
  modRevision: toRevision(revision),
  createRevision: toRevision(1),
  version: 1,
  lease: 0,
  value: Uint8Array.of(revision),
});

/** Two keys with one hash; among a few hundred thousand random ones there are some. */
function collidingKeys(): readonly [Uint8Array, Uint8Array] {
  const random = seededRandom(1);
  const seen = new Map<number, Uint8Array>();
  for (;;) {
    const key = Uint8Array.from({ length: 8 }, () => Math.floor(random() * 256));
    const other = seen.get(hashOf(key));
    if (other !== undefined) return [other, key];
    seen.set(hashOf(key), key);
  }
}

test("a key is unknown until it was read, and known as absent after", () => {
  const overlay = new RecordOverlay(CACHE_BYTES);
  const key = keyOf("a");
  assert.equal(overlay.find(key), undefined);
  overlay.add(key, undefined);
  assert.notEqual(overlay.find(key), undefined);
  assert.equal(overlay.find(keyOf("a"))?.record, undefined);
});

test("a batch sees its own changes, and the next one what it left", () => {
  const overlay = new RecordOverlay(CACHE_BYTES);
  overlay.add(keyOf("a"), recordOf(1));
  overlay.change(keyOf("a"), recordOf(2));
  assert.deepEqual(overlay.find(keyOf("a"))?.record, recordOf(2));
  overlay.settle();
  assert.deepEqual(overlay.find(keyOf("a"))?.record, recordOf(2));
  overlay.change(keyOf("a"), undefined);
  overlay.settle();
  assert.equal(overlay.find(keyOf("a")), undefined, "the engine knows that it is gone");
});

test("what was only read is not kept", () => {
  const overlay = new RecordOverlay(CACHE_BYTES);
  overlay.add(keyOf("a"), recordOf(1));
  overlay.settle();
  assert.equal(overlay.find(keyOf("a")), undefined);
});

test("keys with one hash are told apart, in the batch and after it", () => {
  const [one, other] = collidingKeys();
  const overlay = new RecordOverlay(CACHE_BYTES);
  overlay.change(one, recordOf(1));
  assert.equal(overlay.find(other), undefined);
  overlay.change(other, recordOf(2));
  assert.deepEqual(overlay.find(one)?.record, recordOf(1));
  overlay.settle();
  assert.deepEqual(overlay.find(other)?.record, recordOf(2));
  assert.deepEqual(overlay.find(one)?.record, recordOf(1));
});

test("records that a batch has read stay as they were while it changes others", () => {
  const overlay = new RecordOverlay(CACHE_BYTES);
  const keys = Array.from({ length: 400 }, (_, n) => keyOf(`key-${n}`));
  const large = (revision: number): KvRecord => ({
    ...recordOf(revision),
    value: new Uint8Array(500).fill(revision % 256),
  });
  for (const [at, key] of keys.entries()) overlay.change(key, large(at + 1));
  overlay.settle();
  const read = keys.flatMap((key, at) => {
    const record = overlay.find(key)?.record;
    return record === undefined ? [] : [{ record, revision: at + 1 }];
  });
  assert.ok(read.length > 50, `${read.length} are in memory`);
  for (const [at, key] of keys.entries()) overlay.change(key, large(at + 1001));
  for (const { record, revision } of read) assert.deepEqual(record, large(revision));
});
