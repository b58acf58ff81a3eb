/** The table of goals: what it judges, and that rows not measured now stay as they were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { goalTable, type Measurement } from "./goals.ts";

const measured = (goal: Measurement["goal"], ratio: number | null): Measurement => ({
  goal,
  kvcluster: "1",
  etcd: "2",
  ratio,
});

const rowOf = (printed: string, text: string): string =>
  printed.split("\n").find((line) => line.includes(text)) ?? "";

const judged = (goal: Measurement["goal"], ratio: number | null): string => {
  const row = goalTable([measured(goal, ratio)], "abc", "")
    .split("\n")
    .find((line) => line.includes("| abc |"));
  return row?.split(" | ").at(-2) ?? "";
};

test("a ratio that shall be large is judged by target and floor", () => {
  assert.equal(judged("puts256", 3), "yes");
  assert.equal(judged("puts256", 2.99), "the floor");
  assert.equal(judged("puts256", 1.99), "**no**");
});

test("a ratio that shall be small is judged the other way round", () => {
  assert.equal(judged("memory", 0.5), "yes");
  assert.equal(judged("memory", 0.51), "**no**");
});

test("without etcd nothing is judged", () => {
  assert.equal(judged("failover", null), "not compared");
  assert.equal(judged("batch", 5), "–");
});

test("rows that were not measured now stay as they were printed", () => {
  const before = goalTable([measured("restart", 0.4), measured("puts64", 1)], "old", "");
  const after = goalTable([measured("puts64", 2)], "new", before);
  assert.match(rowOf(after, "restart"), /0\.40 × \| yes \| old \|$/);
  assert.match(rowOf(after, "puts/s, 64"), /2\.00 × \| yes \| new \|$/);
  assert.match(rowOf(after, "failover") || rowOf(after, "leader killed"), /not measured/);
});
