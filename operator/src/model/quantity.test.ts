import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, compareQuantities, parseQuantity } from "./quantity.ts";

test("spellings of one amount compare as equal", () => {
  const equal = [
    ["1Gi", "1024Mi"],
    ["0.5", "500m"],
    [".5", "500m"],
    ["1e3", "1k"],
    ["1E3", "1000"],
    ["1E", "1000P"],
    ["100e-3", "100m"],
    ["+2", "2."],
    ["1.5Gi", "1536Mi"],
    ["1000n", "1u"],
    ["-1", "-1000m"],
  ] as const;
  for (const [a, b] of equal) assert.equal(compareQuantities(a, b), 0, `${a} = ${b}`);
});

test("amounts are ordered exactly, also beyond what a double holds", () => {
  assert.equal(compareQuantities("1Gi", "1G"), 1);
  assert.equal(compareQuantities("900m", "1"), -1);
  assert.equal(compareQuantities("9007199254740993", "9007199254740992"), 1);
  assert.equal(compareQuantities("1Ei", "1E"), 1);
  assert.equal(compareQuantities("-1", "0"), -1);
});

test("what is no quantity is not guessed at", () => {
  for (const text of ["", "Gi", "1 Gi", "1gi", "1e", "1e3Gi", "0x10", "1,5", "."]) {
    assert.equal(parseQuantity(text), null, text);
    assert.equal(compareQuantities(text, "1"), null, text);
  }
});

test("bytes of an amount of memory", () => {
  assert.equal(bytesOf("256Mi"), 268_435_456);
  assert.equal(bytesOf("1.5k"), 1500);
  assert.equal(bytesOf("much"), null);
});
