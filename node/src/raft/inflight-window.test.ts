import assert from "node:assert/strict";
import { test } from "node:test";
import { InflightWindow } from "./inflight-window.ts";
import { at } from "./test-entries.test-kit.ts";

test("the window is full by count, and an acknowledgement frees all up to its index", () => {
  const window = new InflightWindow(3, 1000);
  for (const index of [1, 2, 3]) window.add(at(index), 10);
  assert.ok(window.isFull);
  window.freeThrough(at(2));
  assert.equal(window.count, 1);
  assert.equal(window.bytes, 10);
  assert.ok(!window.isFull);
});

test("the window is full by bytes, however few the messages", () => {
  const window = new InflightWindow(100, 50);
  window.add(at(1), 49);
  assert.ok(!window.isFull);
  window.add(at(2), 1);
  assert.ok(window.isFull);
  window.clear();
  assert.equal(window.bytes, 0);
});

test("a late acknowledgement frees nothing", () => {
  const window = new InflightWindow(2, 50);
  window.add(at(5), 1);
  window.freeThrough(at(4));
  assert.equal(window.count, 1);
});
