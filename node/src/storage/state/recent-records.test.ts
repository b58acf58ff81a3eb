import assert from "node:assert/strict";
import { test } from "node:test";
import { type KvRecord, toRevision } from "../../kv/index.ts";
import { seededRandom } from "../seeded-random.test-kit.ts";
import { RecentRecords } from "./recent-records.ts";

const record = (revision: number, value: Uint8Array): KvRecord => ({
  modRevision: toRevision(revision),
  createRevision: toRevision(1),
  version: revision,
  lease: 0,
  value,
});
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

test("a record is found as it was noted last, with a value of its own", () => {
  const recent = new RecentRecords(1024);
  const value = bytes(10, 1);
  recent.note("a", record(1, value));
  recent.note("a", record(2, bytes(12, 2)));
  value.fill(9);
  assert.deepEqual(recent.get("a"), record(2, bytes(12, 2)));
  assert.equal(recent.get("b"), undefined);
});

test("a record that is noted as it was found stays right, even when its bytes are gone", () => {
  const recent = new RecentRecords(64);
  recent.note("a", record(1, bytes(4, 1)));
  const found = recent.get("a");
  recent.note("a", found);
  assert.deepEqual(recent.get("a"), record(1, bytes(4, 1)));
  for (let n = 2; n <= 20; n += 1) recent.note(`k${n}`, record(n, bytes(4, n)));
  recent.note("a", found);
  assert.equal(recent.get("a"), undefined);
});

test("a deleted key is forgotten", () => {
  const recent = new RecentRecords(1024);
  recent.note("a", record(1, bytes(10, 1)));
  recent.note("a", undefined);
  assert.equal(recent.get("a"), undefined);
  assert.equal(recent.size, 0);
});

test("the oldest values make room, and their records go with them", () => {
  const recent = new RecentRecords(64);
  for (let n = 1; n <= 40; n += 1) recent.note(`k${n}`, record(n, bytes(4, n)));
  assert.deepEqual(recent.get("k40"), record(40, bytes(4, 40)));
  assert.equal(recent.get("k1"), undefined);
  assert.ok(recent.size <= 21, `${recent.size} places for 16 values`);
});

test("a value that would push out too much is not kept, nor is what it replaced", () => {
  const recent = new RecentRecords(64);
  recent.note("a", record(1, bytes(4, 1)));
  recent.note("a", record(2, bytes(5, 2)));
  assert.equal(recent.get("a"), undefined);
});

test("empty values are bounded, too", () => {
  const recent = new RecentRecords(16);
  for (let n = 1; n <= 100; n += 1) recent.note(`k${n}`, record(n, bytes(0, 0)));
  assert.ok(recent.size <= 21);
  assert.deepEqual(recent.get("k100"), record(100, bytes(0, 0)));
});

test("without room nothing is remembered", () => {
  const recent = new RecentRecords(0);
  recent.note("a", record(1, bytes(0, 0)));
  recent.note("b", record(2, bytes(3, 1)));
  assert.equal(recent.get("a"), undefined);
  assert.equal(recent.get("b"), undefined);
});

test("whatever is written, what is found is what was noted last", () => {
  const random = seededRandom(7);
  const recent = new RecentRecords(1000);
  const truth = new Map<string, KvRecord | undefined>();
  let found = 0;
  for (let n = 1; n <= 5000; n += 1) {
    const key = `k${Math.floor(random() * 50)}`;
    const noted = random() < 0.1 ? undefined : record(n, bytes(Math.floor(random() * 70), n % 256));
    recent.note(key, noted);
    truth.set(key, noted);
    const asked = `k${Math.floor(random() * 50)}`;
    const got = recent.get(asked);
    if (got === undefined) continue;
    found += 1;
    assert.deepEqual(got, truth.get(asked));
  }
  assert.ok(found > 1000, `${found} were found`);
});
