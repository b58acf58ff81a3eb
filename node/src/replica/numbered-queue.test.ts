import assert from "node:assert/strict";
import { test } from "node:test";
import { NumberedQueue } from "./numbered-queue.ts";

interface Item {
  readonly name: string;
}

const item = (name: string): Item => ({ name });

test("items go out by their numbers, in any order and once", () => {
  const queue = new NumberedQueue<Item>();
  const numbers = ["a", "b", "c"].map((name) => queue.push(item(name)));
  assert.deepEqual(numbers, [0, 1, 2]);
  assert.equal(queue.take(1)?.name, "b");
  assert.equal(queue.take(1), undefined);
  assert.equal(queue.get(1), undefined);
  assert.equal(queue.take(0)?.name, "a");
  assert.equal(queue.take(2)?.name, "c");
  assert.equal(queue.size, 0);
  assert.equal(queue.push(item("d")), 3, "no number comes twice");
  assert.equal(queue.get(3)?.name, "d");
});

test("numbers that were never given find nothing", () => {
  const queue = new NumberedQueue<Item>();
  queue.push(item("a"));
  for (const number of [-1, 1, 0.5, Number.NaN]) assert.equal(queue.take(number), undefined);
  assert.equal(queue.size, 1);
});

test("what is taken out while it is walked over is not met", () => {
  const queue = new NumberedQueue<Item>();
  for (let n = 0; n < 10; n += 1) queue.push(item(String(n)));
  const met: string[] = [];
  for (const { name } of queue.values()) {
    met.push(name);
    queue.take(Number(name));
    queue.take(Number(name) + 1);
  }
  assert.deepEqual(met, ["0", "2", "4", "6", "8"]);
  assert.deepEqual([...queue.values()], []);
});

test("one that stays does not keep others out, however many pass", () => {
  const queue = new NumberedQueue<Item>();
  const stays = queue.push(item("stays"));
  for (let n = 0; n < 10_000; n += 1) queue.take(queue.push(item(String(n))));
  assert.deepEqual([...queue.values()], [item("stays")]);
  assert.equal(queue.take(stays)?.name, "stays");
  const last = queue.push(item("last"));
  assert.equal(last, 10_001);
  assert.deepEqual([...queue.values()], [item("last")]);
});

test("clearing it takes all out, and numbers go on", () => {
  const queue = new NumberedQueue<Item>();
  queue.push(item("a"));
  queue.push(item("b"));
  queue.take(0);
  queue.clear();
  assert.equal(queue.size, 0);
  assert.equal(queue.take(1), undefined);
  assert.equal(queue.push(item("c")), 2);
  assert.deepEqual([...queue.values()], [item("c")]);
});
