// Limits of the store when they are reached, and a disk that refuses, on a simulated disk.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeCommand, toRevision } from "../kv/index.ts";
import { type Entry, toLogIndex, toTerm } from "../raft/index.ts";
import { ioError, type StorageError } from "./errors.ts";
import { SIMULATED_STORAGE } from "./simulated-disk.ts";
import { openSimulatedStore } from "./simulated-store.ts";
import {
  append,
  apply,
  compact,
  hashAfter,
  ManualRuntime,
  newDisk,
  ORIGIN,
  openOn,
  putEntries,
  putEntry,
  read,
  type TestStore,
} from "./store.test-kit.ts";
import type { StoreTiming } from "./store-client.ts";

/** A store whose timings and fatal errors are kept. */
const watchedOn = (
  disk: ReturnType<typeof newDisk>,
): TestStore & { readonly timings: StoreTiming[]; readonly fatal: StorageError[] } => {
  const runtime = new ManualRuntime();
  const timings: StoreTiming[] = [];
  const fatal: StorageError[] = [];
  const opened = openSimulatedStore({
    disk,
    origin: ORIGIN,
    runtime,
    delayMs: () => 1,
    onPowerLoss: () => assert.fail("no power loss"),
    onFatal: (error) => fatal.push(error),
    onTiming: (timing) => timings.push(timing),
    onNotice: () => undefined,
  });
  return { ...opened, runtime, notices: [], isDown: () => fatal.length > 0, timings, fatal };
};

/** Size of the state as the store reports it, from time to time, when it has nothing to do. */
const stateBytes = (test: TestStore): number => {
  test.runtime.after(2000, () => undefined);
  test.runtime.run();
  read(test, 1, 1);
  return test.store.stats().stateBytes;
};

describe("limits of the store", () => {
  it("splits a group commit at its byte limit and answers every append", () => {
    const test = watchedOn(newDisk(1));
    let done = 0;
    for (let index = 2; index <= 61; index += 1) {
      const entries = [putEntry(index, { valueBytes: 4000 })];
      test.store.append({ hardState: null, entries }, () => {
        done += 1;
      });
    }
    test.runtime.run();
    const groups = test.timings.flatMap((timing) => (timing.type === "append" ? [timing] : []));
    assert.equal(done, 60);
    assert.ok(groups.length >= 4, `${groups.length} groups`);
    for (const { bytes } of groups) assert.ok(bytes <= SIMULATED_STORAGE.groupBytesMax);
  });

  it("takes one entry that is larger than a group, a tail and a segment", () => {
    const disk = newDisk(1);
    const test = openOn(disk);
    assert.ok(append(test, [putEntry(2, { valueBytes: 200_000 })]));
    assert.ok(append(test, [putEntry(3)]));
    assert.equal(apply(test, 3)?.summary.keys, 2);
    test.kill();
    disk.crash();
    assert.equal(openOn(disk).recovered.restore.lastIndex, 3);
  });

  it("applies from the log what no longer fits into memory", () => {
    const test = openOn(newDisk(1));
    const history: Entry[] = [putEntry(1)];
    for (let from = 2; from <= 200; from += 10) {
      const entries = putEntries(from, from + 9, { valueBytes: 1500 });
      history.push(...entries);
      append(test, entries);
    }
    const applied = apply(test, history.length);
    assert.equal(applied?.summary.hash, hashAfter(history, history.length));
    assert.deepEqual(
      applied?.settled.map(({ sequence }) => sequence),
      history.slice(1).map(({ index }) => index),
    );
  });

  it("reads as many bytes as asked for and nothing that was compacted", () => {
    const test = openOn(newDisk(1));
    for (let from = 2; from <= 200; from += 10) {
      append(test, putEntries(from, from + 9, { valueBytes: 1500 }));
    }
    apply(test, 150);
    assert.equal(compact(test, 120), 120);
    assert.deepEqual(read(test, 5, 10), []);
    assert.equal(read(test, 130, 140)?.length, 11);
    assert.equal(compact(test, 60), 120, "what is forgotten stays forgotten");
    assert.equal(compact(test, 190), 150, "what is not applied stays");
  });

  it("removes compacted history in the background while it goes on serving", () => {
    const test = openOn(newDisk(1));
    append(test, putEntries(2, 400));
    apply(test, 400);
    const rowsBefore = stateBytes(test);
    const header = { origin: ORIGIN, sequence: 401, timestampMs: 1 };
    const command = { type: "compact", revision: toRevision(390) } as const;
    const data = encodeCommand(header, command);
    append(test, [{ index: toLogIndex(401), term: toTerm(1), type: "command", data }]);
    assert.equal(apply(test, 401)?.summary.compactRevision, 390);
    assert.ok(stateBytes(test) < rowsBefore / 2, "history is gone");
  });
});

describe("a disk that refuses", () => {
  for (const [operation, code, expected, message] of [
    ["write", "ENOSPC", "DISK_FULL", /^disk full .* free space or grow the volume, then restart$/],
    ["sync", "EIO", "IO", /^could not fdatasync .*EIO/],
    ["sync", "ENOSPC", "DISK_FULL", /^disk full \(ENOSPC\): could not fdatasync/],
  ] as const) {
    it(`is fatal at ${operation} with ${code}, once, and nothing is acknowledged`, () => {
      const disk = newDisk(1);
      const test = watchedOn(disk);
      assert.ok(append(test, putEntries(2, 5)));
      disk.files.failNext(operation, code);
      assert.equal(append(test, putEntries(6, 9)), false);
      assert.equal(test.fatal.length, 1);
      assert.equal(test.fatal[0]?.code, expected);
      assert.match(test.fatal[0]?.message ?? "", message);
      const before = disk.files.operations;
      test.store.append({ hardState: null, entries: putEntries(6, 9) }, () => assert.fail());
      test.runtime.run();
      assert.equal(disk.files.operations, before, "nothing is tried again");
      disk.crash();
      const { lastIndex } = openOn(disk).recovered.restore;
      assert.ok(lastIndex === 5 || lastIndex === 9);
    });
  }

  it("is fatal when it does not take the state either, though nobody waits for that", () => {
    const disk = newDisk(1);
    const test = watchedOn(disk);
    assert.ok(append(test, putEntries(2, 20, { valueBytes: 500 })));
    assert.ok(apply(test, 20));
    assert.equal(test.fatal.length, 0, "a healthy disk took what was due");
    disk.states.refuseWriteBacks(ioError("fdatasync 000007.log", new Error("EIO")));
    assert.ok(append(test, putEntries(21, 40, { valueBytes: 500 })));
    apply(test, 40);
    assert.match(test.fatal[0]?.message ?? "", /^could not fdatasync 000007\.log/);
    assert.equal(append(test, [putEntry(41)]), false);
    assert.equal(test.fatal.length, 1);
  });

  it("leaves a volume that ran full as it was acknowledged", () => {
    const disk = newDisk(1);
    const test = watchedOn(disk);
    disk.files.limitCapacity(40_000);
    let last = 1;
    while (append(test, putEntries(last + 1, last + 3, { valueBytes: 500 }))) last += 3;
    assert.equal(test.fatal[0]?.code, "DISK_FULL");
    disk.files.limitCapacity(Number.POSITIVE_INFINITY);
    disk.crash();
    const again = openOn(disk);
    assert.ok(again.recovered.restore.lastIndex >= last);
    assert.ok(append(again, [putEntry(again.recovered.restore.lastIndex + 1)]));
  });
});
