import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import { encodeEventBlock } from "./event-block.test-kit.ts";
import { decodeEvent, decodeEventBlock, writeEvent } from "./event-codec.ts";
import {
  currentKey,
  currentRange,
  decodeEventKey,
  decodeHistoryKey,
  eraRange,
  eventKey,
  historyEnd,
  historyKey,
  historyRange,
  prefixEnd,
} from "./key-space.ts";
import { HARD_KEYS } from "./random-command.test-kit.ts";
import { decodeRecord, decodeVersion, encodeRecord, TOMBSTONE } from "./record-codec.ts";
import { toRevision } from "./types.ts";

const REVISIONS = [0, 1, 2, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1].map(toRevision);
const ERAS = REVISIONS.slice(1);
const era = toRevision(7);
const { compare } = Buffer;

test("history keys sort by newest era, key, newest version, and decode to what they were", () => {
  const places = ERAS.toReversed().flatMap((era) =>
    HARD_KEYS.toSorted(compare).flatMap((key) =>
      REVISIONS.toReversed().map((revision) => ({ era, key, revision })),
    ),
  );
  const stored = places.map(historyKey);
  assert.deepEqual(stored.toSorted(compare), stored);
  for (const [at, bytes] of stored.entries()) {
    const { era, key, revision } = decodeHistoryKey(bytes);
    assert.equal(era, places[at]?.era);
    assert.deepEqual(Buffer.from(key), Buffer.from(places[at]?.key ?? []));
    assert.equal(revision, places[at]?.revision);
  }
});

test("an era's range holds the versions of that era only", () => {
  const all = ERAS.flatMap((era) =>
    HARD_KEYS.flatMap((key) => REVISIONS.map((revision) => historyKey({ era, key, revision }))),
  );
  for (const era of ERAS) {
    const { start, end } = eraRange(era);
    const found = all.filter((at) => compare(at, start) >= 0 && compare(at, end) < 0);
    assert.equal(found.length, HARD_KEYS.length * REVISIONS.length);
    assert.ok(found.every((at) => decodeHistoryKey(at).era === era));
  }
});

test("a seek for a revision finds versions of that key only, from that revision down", () => {
  const all = HARD_KEYS.flatMap((key) =>
    REVISIONS.map((revision) => historyKey({ era, key, revision })),
  );
  for (const key of HARD_KEYS) {
    for (const revision of REVISIONS) {
      const start = historyKey({ era, key, revision });
      const end = historyEnd({ era, key });
      const found = all.filter((at) => compare(at, start) >= 0 && compare(at, end) < 0);
      const expected = REVISIONS.filter((other) => other <= revision);
      assert.equal(found.length, expected.length);
      assert.ok(found.every((at) => compare(decodeHistoryKey(at).key, key) === 0));
      assert.ok(all.every((at) => compare(at, end) !== 0));
    }
  }
});

test("ranges over current records and over history hold the same keys", () => {
  for (const start of [new Uint8Array(0), ...HARD_KEYS]) {
    for (const end of [new Uint8Array(0), ...HARD_KEYS]) {
      const current = currentRange(start, end);
      const history = historyRange(era, start, end);
      for (const key of HARD_KEYS) {
        const isExpected = compare(key, start) >= 0 && (end.length === 0 || compare(key, end) < 0);
        const at = currentKey(key);
        const isCurrent = compare(at, current.start) >= 0 && compare(at, current.end) < 0;
        assert.equal(isCurrent, isExpected);
        for (const revision of REVISIONS) {
          const old = historyKey({ era, key, revision });
          const isOld = compare(old, history.start) >= 0 && compare(old, history.end) < 0;
          assert.equal(isOld, isExpected);
        }
      }
    }
  }
});

test("event keys sort by revision and sub and decode to what they were", () => {
  const places = REVISIONS.flatMap((revision) =>
    [0, 1, 2 ** 32 - 1].map((sub) => ({ revision, sub })),
  );
  const stored = places.map(eventKey);
  assert.deepEqual(stored.toSorted(compare), stored);
  assert.deepEqual(stored.map(decodeEventKey), places);
});

test("the end of a prefix is the first key behind it", () => {
  for (const [prefix, end] of [
    [[0x61], [0x62]],
    [[0x61, 0xff], [0x62]],
    [[0x61, 0xff, 0xff], [0x62]],
    [
      [0x61, 0x00],
      [0x61, 0x01],
    ],
    [[], []],
    [[0xff], []],
    [[0xff, 0xff], []],
  ]) {
    assert.deepEqual(prefixEnd(Uint8Array.from(prefix ?? [])), Uint8Array.from(end ?? []));
  }
});

test("records, tombstones and events decode to what they were", () => {
  const record = {
    modRevision: toRevision(2 ** 53 - 1),
    createRevision: toRevision(2 ** 40),
    version: 3,
    lease: 2 ** 33,
    value: Uint8Array.of(0, 1, 255),
  };
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  assert.deepEqual(decodeVersion(encodeRecord(record)), record);
  assert.equal(decodeVersion(TOMBSTONE), null);
  assert.throws(() => decodeRecord(TOMBSTONE), DecodeError);
  for (const type of ["put", "delete"] as const) {
    const event = { type, key: Uint8Array.of(9, 0), previousRevision: toRevision(2 ** 33) };
    const bytes = new Uint8Array(12);
    assert.equal(writeEvent({ bytes, view: new DataView(bytes.buffer) }, 0, event), 12);
    assert.deepEqual(decodeEvent(bytes), event);
  }
});

test("a block of events decodes to what it was, and refuses what is no block", () => {
  const events = [1, 2].map((sub) => {
    const event = {
      type: "put",
      key: Uint8Array.of(sub),
      previousRevision: toRevision(2),
    } as const;
    return { revision: toRevision(9), sub, ...event };
  });
  const bytes = encodeEventBlock(events);
  assert.deepEqual(decodeEventBlock(bytes), events);
  for (const spoilt of [
    bytes.subarray(0, bytes.length - 1),
    bytes.with(0, 9),
    Uint8Array.of(...bytes, 0),
    bytes.subarray(0, 0),
  ]) {
    assert.throws(() => decodeEventBlock(spoilt), DecodeError);
  }
});

test("a record that no history can lead to is refused", () => {
  const possible = {
    modRevision: toRevision(5),
    createRevision: toRevision(3),
    version: 3,
    lease: 0,
    value: new Uint8Array(0),
  };
  assert.deepEqual(decodeRecord(encodeRecord(possible)), possible);
  for (const impossible of [
    { ...possible, version: 4 },
    { ...possible, version: 0 },
    { ...possible, createRevision: toRevision(0) },
    { ...possible, modRevision: toRevision(2) },
  ]) {
    assert.throws(() => decodeRecord(encodeRecord(impossible)), /impossible record/);
  }
});
