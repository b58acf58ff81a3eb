import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandResult, toRevision } from "../kv/index.ts";
import type { SettledCommand } from "../replica/index.ts";
import { packSettled, unpackSettled } from "./settled-codec.ts";

const revision = toRevision(2 ** 40 + 7);
const results: readonly CommandResult[] = [
  { type: "put", revision, created: true },
  { type: "put", revision, created: false },
  { type: "deleted", revision, count: 12 },
  { type: "batch", revision, puts: 3, deletes: 128 },
  { type: "compacted", revision, compactRevision: toRevision(5) },
  { type: "verified", revision },
  { type: "failed", revision, code: "CONDITION_FAILED", current: toRevision(9) },
  { type: "failed", revision, code: "REVISION_IN_FUTURE", current: toRevision(0) },
];

test("every kind of result comes back as it went, in order", () => {
  const settled: readonly SettledCommand[] = results.map((result, at) => ({
    sequence: 2 ** 32 - 1 - at,
    result,
  }));
  assert.deepEqual(unpackSettled(packSettled(settled)), settled);
  assert.deepEqual(unpackSettled(packSettled([])), []);
});

test("numbers that no result has are refused", () => {
  assert.throws(() => unpackSettled(Float64Array.of(1, 6, 1, 0, 0)), /no command result.* 6/);
  assert.throws(() => unpackSettled(Float64Array.of(1, 5, 1, 9, 0)), /no failure.* 9/);
});
