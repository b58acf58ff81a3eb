import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "./test-entries.test-kit.ts";
import { UncommittedBytes } from "./uncommitted-bytes.ts";

test("a batch is freed once its last entry is committed", () => {
  const uncommitted = new UncommittedBytes();
  uncommitted.add(at(1), 10, true);
  uncommitted.add(at(2), 10, false);
  uncommitted.add(at(3), 5, true);
  uncommitted.commit(at(1));
  assert.equal(uncommitted.total, 25);
  uncommitted.commit(at(2));
  assert.equal(uncommitted.total, 5);
  uncommitted.commit(at(9));
  assert.equal(uncommitted.total, 0);
});

test("a batch goes on after everything before it was freed", () => {
  const uncommitted = new UncommittedBytes();
  uncommitted.add(at(1), 10, true);
  uncommitted.commit(at(1));
  uncommitted.add(at(2), 7, false);
  assert.equal(uncommitted.total, 7);
  uncommitted.commit(at(2));
  assert.equal(uncommitted.total, 0);
});
