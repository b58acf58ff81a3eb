import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { conditionReasons, eventReasons } from "./reasons.ts";
import { steps } from "./steps.ts";

const page = readFileSync(
  new URL("../../../../docs/operations/conditions.md", import.meta.url),
  "utf8",
);

/** Cells of the table under a heading, without its two header rows. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) => row.split("|").map((cell) => cell.trim()));
}

const nameIn = (cell: string | undefined): string => (cell ?? "").replaceAll("`", "");

test("each reason of a condition is explained, and no other", () => {
  for (const [type, reasons] of Object.entries(conditionReasons)) {
    const documented = rowsUnder(type).map(([, , reason]) => nameIn(reason));
    assert.deepEqual([...documented].sort(), [...reasons].sort(), type);
  }
});

test("each reason of an Event is explained with its type, and no other", () => {
  const documented = rowsUnder("Events").map(([, type, reason]) => [nameIn(reason), type]);
  const entries = Object.entries(eventReasons);
  assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(entries));
  assert.equal(documented.length, entries.length);
});

test("the page lists the steps in their order", () => {
  const listed = [...page.matchAll(/^\d+\. `([a-z-]+)`:/gm)].map(([, name]) => name);
  assert.deepEqual(
    listed,
    steps.map(({ name }) => name),
  );
});
