import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadBarriers } from "./read-barriers.ts";
import { at, endOf } from "./replica.test-kit.ts";
import { requestKind } from "./request-id.ts";

const ask = (reads: ReadBarriers): number => {
  const id = reads.ask();
  assert.ok(id !== null);
  assert.equal(requestKind(id), "read");
  return id;
};

test("reads of one turn share a barrier and wait until its index is applied", async () => {
  const reads = new ReadBarriers(10);
  const two = [reads.wait(1000), reads.wait(1000)];
  const id = ask(reads);
  assert.equal(reads.ask(), null);
  reads.granted([{ id, index: at(5) }], at(4));
  assert.equal(await endOf(Promise.race(two)), "pending");
  reads.applied(at(5));
  assert.deepEqual(await endOf(Promise.all(two)), [5, 5]);
  assert.equal(reads.pending, 0);
});

test("a read that comes after a barrier was asked for needs the next one", async () => {
  const reads = new ReadBarriers(10);
  const first = reads.wait(1000);
  const id = ask(reads);
  const second = reads.wait(1000);
  reads.granted([{ id, index: at(1) }], at(1));
  assert.equal(await endOf(first), 1);
  assert.equal(await endOf(second), "pending");
  assert.notEqual(ask(reads), id);
});

test("a dropped barrier is asked for again at the next tick, not before", async () => {
  const reads = new ReadBarriers(10);
  const read = reads.wait(1000);
  reads.dropped(ask(reads));
  assert.equal(reads.ask(), null);
  reads.tick(1);
  reads.granted([{ id: ask(reads), index: at(3) }], at(3));
  assert.equal(await endOf(read), 3);
});

test("deadlines, limits and an end are told", async () => {
  const reads = new ReadBarriers(2);
  const short = reads.wait(10);
  const long = reads.wait(100);
  assert.equal(await endOf(reads.wait(100)), "OVERLOADED");
  const id = ask(reads);
  reads.tick(10);
  assert.equal(await endOf(short), "DEADLINE_EXCEEDED");
  reads.abandon("CORRUPT", "test");
  assert.equal(await endOf(long), "CORRUPT");
  reads.granted([{ id, index: at(1) }], at(1));
  assert.equal(reads.pending, 0);
});
