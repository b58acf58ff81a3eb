import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime, parseTime } from "./time.ts";

const DAY_MS = 86_400_000;

test("times are those that Date writes, over four centuries", () => {
  for (let ms = Date.UTC(1899, 0, 1); ms < Date.UTC(2301, 0, 1); ms += 17 * DAY_MS + 3_723_000) {
    const text = new Date(ms).toISOString().replace(".000Z", "Z");
    assert.equal(formatTime(ms), text);
    assert.equal(parseTime(text), ms);
  }
});

test("each day around leap days is right", () => {
  for (const year of [1900, 2000, 2024, 2026, 2100]) {
    for (let day = 0; day < 70; day += 1) {
      const ms = Date.UTC(year, 0, 1 + day);
      assert.equal(formatTime(ms), new Date(ms).toISOString().replace(".000Z", "Z"));
      assert.equal(parseTime(formatTime(ms)), ms);
    }
  }
});

test("fractions and offsets are read, and fractions are not written", () => {
  assert.equal(parseTime("2026-11-22T19:05:31.123456Z"), Date.UTC(2026, 10, 22, 19, 5, 31, 123));
  assert.equal(parseTime("2026-11-22T19:05:31+02:30"), Date.UTC(2026, 10, 22, 16, 35, 31));
  assert.equal(parseTime("2026-11-22T19:05:31-01:00"), Date.UTC(2026, 10, 22, 20, 5, 31));
  assert.equal(formatTime(Date.UTC(2026, 10, 22, 19, 5, 31, 999)), "2026-11-22T19:05:31Z");
});

test("what is no time is null", () => {
  for (const text of [
    "",
    "yesterday",
    "2026-11-22",
    "2026-13-01T00:00:00Z",
    "2026-11-22T24:00:00Z",
  ]) {
    assert.equal(parseTime(text), null, text);
  }
});
