import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import { decodeEvent, writeEvent } from "./event-codec.ts";
import {
  currentKey,
  currentRange,
  decodeEventKey,
  decodeHistoryKey,
  eventKey,
  historyAt,
  historyEnd,
  historyKey,
  historyRange,
  prefixEnd,
} from "./key-space.ts";
import { HARD_KEYS } from "./random-command.test-kit.ts";
import { decodeRecord, decodeVersion, encodeRecord, TOMBSTONE } from "./record-codec.ts";
import { toRevision } from "./types.ts";

const REVISIONS = [0, 1, 2, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1].map(toRevision);
const { compare } = Buffer;

test("history keys sort by key, then newest first, and decode to what they were", () => {
  const places = HARD_KEYS.toSorted(compare).flatMap((key) =>
    REVISIONS.toReversed().map((revision) => ({ key, revision })),
  );
  const stored = places.map(({ key, revision }) => historyKey(key, revision));
  assert.deepEqual(stored.toSorted(compare), stored);
  for (const [at, bytes] of stored.entries()) {
    const { key, revision } = decodeHistoryKey(bytes);
    assert.deepEqual(Buffer.from(key), Buffer.from(places[at]?.key ?? []));
    assert.equal(revision, places[at]?.revision);
  }
});

test("a seek for a revision finds versions of that key only, from that revision down", () => {
  const all = HARD_KEYS.flatMap((key) => REVISIONS.map((revision) => historyKey(key, revision)));
  for (const key of HARD_KEYS) {
    for (const revision of REVISIONS) {
      const { start, end } = historyAt(key, revision);
      const found = all.filter((at) => compare(at, start) >= 0 && compare(at, end) < 0);
      const expected = REVISIONS.filter((other) => other <= revision);
      assert.equal(found.length, expected.length);
      assert.ok(found.every((at) => compare(decodeHistoryKey(at).key, key) === 0));
      assert.ok(all.every((at) => compare(at, historyEnd(key)) !== 0));
    }
  }
});

test("ranges over current records and over history hold the same keys", () => {
  for (const start of [new Uint8Array(0), ...HARD_KEYS]) {
    for (const end of [new Uint8Array(0), ...HARD_KEYS]) {
      const current = currentRange(start, end);
      const history = historyRange(start, end);
      for (const key of HARD_KEYS) {
        const isExpected = compare(key, start) >= 0 && (end.length === 0 || compare(key, end) < 0);
        const at = currentKey(key);
        const isCurrent = compare(at, current.start) >= 0 && compare(at, current.end) < 0;
        assert.equal(isCurrent, isExpected);
        for (const revision of REVISIONS) {
          const old = historyKey(key, revision);
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
