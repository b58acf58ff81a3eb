// What the log keeps, what it refuses and what it repairs, case by case.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toNodeId, toTerm } from "../../raft/index.ts";
import { ENTRY_HEADER_BYTES, packEntries } from "./entry-block.ts";
import { encodeFrameHeader, FRAME_ALIGNMENT, FRAME_HEADER_BYTES, frameBytes } from "./frame.ts";
import {
  entries,
  entry,
  FOLDER,
  lastSegment,
  newLog,
  openLog,
  put,
  readAll,
  reopen,
  type TestLog,
} from "./log.test-kit.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";

const indexes = (list: readonly { index: number }[]): number[] => list.map(({ index }) => index);

describe("segmented log", () => {
  it("gives back what was appended, before and after a restart", () => {
    const test = newLog(1);
    put(test.log, entries(1, 3, 1), 1);
    put(test.log, [entry(4, 1, 0), entry(5, 2, 3000)], 2);
    for (const open of [() => test.log, () => reopen(test)]) {
      const log = open();
      assert.deepEqual(readAll(log), [...entries(1, 3, 1), entry(4, 1, 0), entry(5, 2, 3000)]);
      assert.equal(log.lastIndex, 5);
      assert.deepEqual(
        [3, 4, 5, 6].map((index) => log.termAt(index)),
        [1, 1, 2, null],
      );
      assert.deepEqual(log.termRuns(), [
        { index: 1, term: 1 },
        { index: 5, term: 2 },
      ]);
    }
    assert.deepEqual(test.notices, []);
  });

  it("keeps the last hard state, also without entries", () => {
    const test = newLog(1);
    put(test.log, entries(1, 1, 3), 3);
    test.log.append({ currentTerm: toTerm(4), votedFor: toNodeId(7) }, []);
    put(test.log, entries(2, 2, 4));
    assert.deepEqual(reopen(test).hardState, { currentTerm: 4, votedFor: 7 });
    test.log.append({ currentTerm: toTerm(5), votedFor: null }, []);
    assert.deepEqual(reopen(test).hardState, { currentTerm: 5, votedFor: null });
    assert.equal(test.log.lastIndex, 2);
  });

  it("replaces a conflicting suffix, within a segment and across segments", () => {
    const test = newLog(1, { segmentBytes: 2048 });
    put(test.log, entries(1, 30, 1), 1);
    put(test.log, entries(31, 60, 1));
    put(test.log, entries(61, 90, 1));
    put(test.log, entries(70, 72, 2), 2);
    put(test.log, entries(12, 13, 3), 3);
    const expected = [...entries(1, 11, 1), ...entries(12, 13, 3)];
    for (const open of [() => test.log, () => reopen(test)]) {
      const log = open();
      assert.deepEqual(readAll(log), expected);
      assert.deepEqual(indexes(log.configurationsAfter(0)), [10]);
      assert.deepEqual(log.hardState, { currentTerm: 3, votedFor: null });
    }
  });
});

describe("segmented log: reading and rolling", () => {
  it("reads a range as far as the bytes allow, at least one entry", () => {
    const { log } = newLog(1);
    put(log, entries(1, 5, 1, 100), 1);
    put(log, entries(6, 10, 1, 100));
    const read = (from: number, to: number, bytes: number): number[] =>
      log
        .read(from, to, bytes)
        .flatMap((block) => Array.from({ length: block.count }, (_, n) => block.firstIndex + n));
    assert.deepEqual(read(2, 3, 1000), [2, 3]);
    assert.deepEqual(read(2, 9, 1), [2]);
    assert.deepEqual(read(2, 9, 450), [2, 3, 4, 5]);
    assert.deepEqual(read(4, 7, 1000), [4, 5, 6, 7]);
    assert.deepEqual(read(11, 12, 1000), []);
    assert.deepEqual(read(0, 12, 1000), []);
  });

  it("rolls to the next segment and takes a frame larger than a segment", () => {
    const test = newLog(1, { segmentBytes: 2048 });
    put(test.log, entries(1, 1, 1, 10_000), 1);
    for (let index = 2; index <= 20; index += 1) put(test.log, [entry(index, 1, 300)]);
    assert.ok(test.files.list(FOLDER).length > 3);
    assert.deepEqual(indexes(readAll(reopen(test))), indexes(entries(1, 20, 1)));
  });
});

describe("segmented log: trimming and resetting", () => {
  it("trims whole segments only and remembers the term before the first entry", () => {
    const test = newLog(1, { segmentBytes: 2048 });
    for (let index = 1; index <= 40; index += 1) {
      put(test.log, [entry(index, Math.ceil(index / 7), 300)], Math.ceil(index / 7));
    }
    assert.equal(test.log.canTrim(1), false);
    assert.equal(test.log.canTrim(20), true);
    test.log.trim(20);
    const base = test.log.baseIndex;
    assert.ok(base > 10 && base <= 20);
    for (const open of [() => test.log, () => reopen(test)]) {
      const log = open();
      assert.equal(log.baseIndex, base);
      assert.equal(log.baseTerm, Math.ceil(base / 7));
      assert.equal(log.termAt(base), Math.ceil(base / 7));
      assert.deepEqual(indexes(readAll(log)), indexes(entries(base + 1, 40, 1)));
      assert.equal(log.termRuns()[0]?.index, base + 1);
      assert.deepEqual(indexes(log.configurationsAfter(0)), base < 20 ? [20, 30, 40] : [30, 40]);
    }
  });

  it("keeps entries that a trim must keep when a replaced suffix spans segments", () => {
    const test = newLog(1, { segmentBytes: 2048 });
    for (let index = 1; index <= 20; index += 1) put(test.log, [entry(index, 1, 300)], 1);
    put(test.log, entries(8, 9, 2), 2);
    test.log.trim(8);
    for (const open of [() => test.log, () => reopen(test)]) {
      const log = open();
      assert.ok(log.baseIndex <= 8);
      assert.deepEqual(readAll(log).at(-1), entry(9, 2));
    }
  });

  it("starts anew after a snapshot", () => {
    const test = newLog(1, { segmentBytes: 2048 });
    for (let index = 1; index <= 20; index += 1) put(test.log, [entry(index, 1, 300)], 1);
    test.log.append({ currentTerm: toTerm(6), votedFor: toNodeId(2) }, []);
    test.log.reset(15, 5);
    for (const open of [() => test.log, () => reopen(test)]) {
      const log = open();
      assert.deepEqual([log.baseIndex, log.baseTerm, log.lastIndex], [15, 5, 15]);
      assert.deepEqual(log.termRuns(), []);
      assert.deepEqual(log.hardState, { currentTerm: 6, votedFor: 2 });
    }
    put(test.log, entries(16, 17, 6));
    assert.deepEqual(indexes(readAll(reopen(test))), [16, 17]);
    assert.equal(test.files.list(FOLDER).length, 1);
  });
});

describe("segmented log: refusals", () => {
  it("refuses gaps, appends before its start and a falling term without touching the disk", () => {
    for (const act of [
      (test: TestLog) => put(test.log, [entry(5, 2)]),
      (test: TestLog) => put(test.log, [entry(0, 2)]),
      (test: TestLog) => put(test.log, [entry(4, 2)], 1),
      (test: TestLog) =>
        test.log.append(null, [packEntries([entry(4, 2)]), packEntries([entry(6, 2)])]),
    ]) {
      const test = newLog(1);
      put(test.log, entries(1, 3, 2), 2);
      const before = test.files.operations;
      assert.throws(() => act(test), RangeError);
      assert.equal(test.files.operations, before);
    }
  });

  it("never writes again after a failed write or sync", () => {
    for (const [operation, code] of [
      ["write", "EIO"],
      ["sync", "EIO"],
      ["write", "ENOSPC"],
    ] as const) {
      const test = newLog(1);
      put(test.log, entries(1, 1, 1), 1);
      test.files.failNext(operation, code);
      const expected = { code: code === "ENOSPC" ? "DISK_FULL" : "IO" };
      assert.throws(() => put(test.log, entries(2, 2, 1)), expected);
      const before = test.files.operations;
      assert.throws(() => put(test.log, entries(2, 2, 1)), expected);
      assert.equal(test.files.operations, before);
    }
  });

  it("refuses the log of another cluster and files that are no segments", () => {
    const test = newLog(1);
    test.files.create(`${FOLDER}/notes.txt`);
    assert.throws(() => reopen(test), { code: "FOREIGN_FOLDER" });
  });
});

const threeFrames = (): TestLog => {
  const test = newLog(1);
  put(test.log, entries(1, 2, 1, 700), 1);
  put(test.log, entries(3, 4, 1, 700));
  put(test.log, entries(5, 6, 1, 700));
  test.log.close();
  return test;
};

describe("damage", () => {
  it("finds every flipped bit in synced frames and names file and offset", () => {
    const size = SEGMENT_HEADER_BYTES + 3 * frameBytes(2 * 713);
    for (let offset = 0; offset < size; offset += 7) {
      const test = threeFrames();
      const path = lastSegment(test.files);
      test.files.flipBit(path, offset, offset % 8);
      const position = (offset - SEGMENT_HEADER_BYTES) % frameBytes(2 * 713);
      const isPadding = offset > SEGMENT_HEADER_BYTES && position >= 64 + 2 * 713;
      if (isPadding) {
        assert.equal(openLog(test.files, test.options).lastIndex, 6);
      } else {
        assert.throws(
          () => openLog(test.files, test.options),
          (error: Error) => error.message.startsWith(`${path} at byte `),
        );
      }
    }
  });

  it("finds a flipped bit when it reads an entry back", () => {
    const test = newLog(1);
    put(test.log, entries(1, 2, 1, 700), 1);
    test.files.flipBit(lastSegment(test.files), SEGMENT_HEADER_BYTES + 500, 3);
    assert.throws(() => readAll(test.log), { code: "CORRUPT", message: /at byte 512: the frame/ });
  });

  it("finds a frame that was lost and one that landed elsewhere", () => {
    for (const misdirection of [64, 128, frameBytes(2 * 713)]) {
      const test = newLog(1);
      put(test.log, entries(1, 2, 1, 700), 1);
      test.files.misdirectNextWrite(misdirection);
      put(test.log, entries(3, 4, 1, 700));
      put(test.log, entries(5, 6, 1, 700));
      assert.throws(() => reopen(test), { code: "CORRUPT" });
    }
  });

  it("finds a write that landed on an earlier frame", () => {
    const test = newLog(1);
    const currentTerm = toTerm(3);
    test.log.append({ currentTerm, votedFor: null }, []);
    put(test.log, entries(1, 2, 3));
    // The vote takes the place of the first frame: without a look at where a frame belongs the last
    // frame of the file would say that there is none.
    const between = frameBytes(0) + frameBytes(packEntries(entries(1, 2, 3)).bytes.length);
    test.files.misdirectNextWrite(-between);
    test.log.append({ currentTerm, votedFor: toNodeId(2) }, []);
    assert.throws(() => reopen(test), { code: "CORRUPT" });
  });

  it("finds a missing segment and one cut short", () => {
    const cases: ((test: TestLog, names: readonly string[]) => void)[] = [
      ({ files }, names) => files.unlink(`${FOLDER}/${names[2]}`),
      ({ files }, names) => files.open(`${FOLDER}/${names[2]}`).truncate(1024),
      ({ files }, names) => files.open(`${FOLDER}/${names[2]}`).truncate(100),
      ({ files }, names) => files.rename(`${FOLDER}/${names[2]}`, `${FOLDER}/${names[1]}`),
    ];
    for (const damage of cases) {
      const test = newLog(1, { segmentBytes: 2048 });
      for (let index = 1; index <= 30; index += 1) put(test.log, [entry(index, 1, 300)], 1);
      damage(test, test.files.list(FOLDER));
      assert.throws(() => reopen(test), { code: "CORRUPT" });
    }
  });
});

describe("torn writes", () => {
  it("cuts a torn last frame off, says so, and goes on", () => {
    const outcomes = new Set<number>();
    for (let seed = 0; seed < 200; seed += 1) {
      const test = newLog(seed);
      put(test.log, entries(1, 2, 1, 700), 1);
      test.files.crashAfter(2);
      assert.throws(() => put(test.log, entries(3, 4, 1, 1500)));
      test.files.crash();
      const log = openLog(test.files, test.options);
      outcomes.add(log.lastIndex);
      assert.ok(log.lastIndex === 4 || log.lastIndex === 2);
      if (test.notices.length > 0) assert.match(test.notices[0] ?? "", /cut \d+ bytes off \/log/);
      put(log, entries(log.lastIndex + 1, 6, 1));
      test.log = log;
      assert.equal(reopen(test).lastIndex, 6);
    }
    assert.deepEqual([...outcomes].sort(), [2, 4]);
  });

  it("finds a lost vote at the end of a segment that is not the last", () => {
    const test = newLog(1, { segmentBytes: 2048 });
    put(test.log, entries(1, 2, 1, 600), 1);
    const path = lastSegment(test.files);
    const end = SEGMENT_HEADER_BYTES + frameBytes(2 * 613);
    test.log.append({ currentTerm: toTerm(2), votedFor: toNodeId(3) }, []);
    put(test.log, entries(3, 4, 2, 600));
    test.files.open(path).write([new Uint8Array(64)], end);
    assert.throws(() => reopen(test), { code: "CORRUPT", message: /ends at byte 1856/ });
  });

  it("is not fooled by user data that looks like a frame", () => {
    const test = newLog(3);
    // A client that knows where its value will lie, but not the segment's salt.
    const inData = FRAME_HEADER_BYTES + ENTRY_HEADER_BYTES;
    const position = SEGMENT_HEADER_BYTES + 2 * FRAME_ALIGNMENT;
    const forged = encodeFrameHeader(
      {
        position,
        ordinal: 1,
        firstIndex: 2,
        entryCount: 0,
        payloadBytes: 0,
        payloadCrc: 0,
        hardState: { currentTerm: toTerm(99), votedFor: null },
      },
      0,
    );
    const data = new Uint8Array(700).fill(1);
    data.set(forged, position - SEGMENT_HEADER_BYTES - inData);
    put(test.log, [{ ...entry(1, 1), data }], 1);
    // The write was cut short: its header did not reach the disk, the forged one did.
    test.files.open(lastSegment(test.files)).write([new Uint8Array(64)], SEGMENT_HEADER_BYTES);
    assert.equal(reopen(test).lastIndex, 0);
    assert.equal(test.notices.length, 1);
  });
});
