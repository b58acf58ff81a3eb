/** The table of docs/correctness.md names the mutants that there are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "../mutants/mutants.test-kit.ts";
import { knownColumns, readKnownColumns } from "./mutant-table.test-kit.ts";
import { readSection } from "./report-section.test-kit.ts";

test("the table lists every mutant, where it happened and which suite catches it", () => {
  const rows = readKnownColumns(readSection("mutants"));
  assert.deepEqual(rows, mutants.map(knownColumns), "make correctness writes it anew");
});
