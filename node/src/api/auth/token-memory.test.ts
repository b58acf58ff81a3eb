import assert from "node:assert/strict";
import { test } from "node:test";
import { createTokenMemory, recentHeadersMax, recentHeadersMs } from "./token-memory.ts";

const verified = (notAfterMs: number) => ({ notBeforeMs: 0, notAfterMs });

test("a remembered token is recalled from its digest, then from its header", () => {
  const memory = createTokenMemory(10);
  const alice = verified(1e9);
  memory.remember("alice", alice);
  for (const nowMs of [0, 1, recentHeadersMs, recentHeadersMs * 5]) {
    assert.equal(memory.recall("Bearer alice", "alice", nowMs), alice);
  }
  assert.equal(memory.recall("Bearer bob", "bob", 1), undefined);
});

test("what is forgotten is gone from both", () => {
  const memory = createTokenMemory(10);
  memory.remember("alice", verified(1e9));
  memory.recall("Bearer alice", "alice", 1);
  memory.forgetAll();
  assert.equal(memory.recall("Bearer alice", "alice", 2), undefined);
  assert.equal(memory.size(), 0);
});

test("a token that left the digests is forgotten with the recent headers", () => {
  const memory = createTokenMemory(1);
  memory.remember("alice", verified(1e9));
  memory.recall("Bearer alice", "alice", 1);
  memory.remember("bob", verified(1e9));
  assert.equal(memory.recall("Bearer alice", "alice", 1 + recentHeadersMs), undefined);
  assert.equal(memory.size(), 1);
});

test("more recent headers than fit are dropped, and come back from their digests", () => {
  const count = recentHeadersMax * 2 + 1;
  const memory = createTokenMemory(count);
  const all = Array.from({ length: count }, (_, i) => ({ ...verified(1e9), i }));
  for (const [i, one] of all.entries()) memory.remember(`t${i}`, one);
  for (let round = 0; round < 2; round += 1) {
    for (const [i, one] of all.entries()) {
      assert.equal(memory.recall(`Bearer t${i}`, `t${i}`, 1), one);
    }
  }
});

test("an expired token is given once more, for its refusal, and then gone", () => {
  const memory = createTokenMemory(10);
  memory.remember("alice", verified(100));
  assert.notEqual(memory.recall("Bearer alice", "alice", 100), undefined);
  assert.equal(memory.size(), 0);
  assert.equal(memory.recall("Bearer alice", "alice", 101), undefined);
});

test("a clock that goes back does not keep recent headers for longer", () => {
  const memory = createTokenMemory(1);
  memory.remember("alice", verified(1e9));
  memory.recall("Bearer alice", "alice", 1_000_000);
  memory.remember("bob", verified(1e9));
  assert.equal(memory.recall("Bearer alice", "alice", 999_999), undefined);
});

test("with no room nothing is remembered", () => {
  const memory = createTokenMemory(0);
  memory.remember("alice", verified(1e9));
  assert.equal(memory.recall("Bearer alice", "alice", 1), undefined);
  assert.equal(memory.size(), 0);
});
