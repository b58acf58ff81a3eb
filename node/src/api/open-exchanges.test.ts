import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenExchanges, type Placed } from "./open-exchanges.ts";

const made = (count: number): Placed[] => Array.from({ length: count }, () => ({ place: -1 }));

test("whatever the order in which exchanges end, just the others are left", () => {
  const all = made(5);
  for (const first of all) {
    for (const second of all) {
      const open = new OpenExchanges<Placed>();
      for (const one of all) open.add(one);
      open.delete(first);
      open.delete(second);
      const left = all.filter((one) => one !== first && one !== second);
      assert.equal(open.size, left.length);
      assert.deepEqual(new Set(open.values()), new Set(left));
    }
  }
});

test("one that never was in, or ended before, changes nothing", () => {
  const open = new OpenExchanges<Placed>();
  const [one, other, stranger] = made(3);
  assert.ok(one && other && stranger);
  open.add(one);
  open.add(other);
  open.delete(stranger);
  open.delete(one);
  open.delete(one);
  assert.deepEqual([...open.values()], [other]);
});
