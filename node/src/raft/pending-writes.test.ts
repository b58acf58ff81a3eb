import assert from "node:assert/strict";
import { test } from "node:test";
import { PendingWrites } from "./pending-writes.ts";
import { at, inTerm } from "./test-entries.test-kit.ts";

test("a write proves everything up to its last entry, and earlier writes with it", () => {
  const writes = new PendingWrites();
  writes.add(at(5), inTerm(1));
  writes.add(at(7), inTerm(1));
  assert.equal(writes.complete(at(7), inTerm(1)), 7);
  assert.equal(writes.length, 0);
});

test("a write whose entries were cut off proves only what is left of them", () => {
  const writes = new PendingWrites();
  writes.add(at(9), inTerm(2));
  writes.truncateTo(at(6));
  assert.equal(writes.complete(at(9), inTerm(2)), 6);
});

test("an entry written twice: the end of the first write proves nothing of the second", () => {
  const writes = new PendingWrites();
  writes.add(at(9), inTerm(2));
  writes.truncateTo(at(8));
  writes.add(at(9), inTerm(3));
  writes.truncateTo(at(8));
  writes.add(at(9), inTerm(2));
  assert.equal(writes.complete(at(9), inTerm(2)), 8);
  assert.equal(writes.complete(at(9), inTerm(3)), 8);
  assert.equal(writes.complete(at(9), inTerm(2)), 9);
});

test("a write that is not under way proves nothing", () => {
  const writes = new PendingWrites();
  writes.add(at(9), inTerm(2));
  assert.equal(writes.complete(at(9), inTerm(3)), null);
  assert.equal(writes.complete(at(8), inTerm(2)), null);
  assert.equal(writes.length, 1);
});

test("many writes cost no more than those under way", () => {
  const writes = new PendingWrites();
  for (let index = 1; index <= 10_000; index += 1) {
    writes.add(at(index), inTerm(1));
    if (index > 3) assert.equal(writes.complete(at(index - 3), inTerm(1)), index - 3);
  }
  assert.equal(writes.length, 3);
});
