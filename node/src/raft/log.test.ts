import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantViolation } from "./index.ts";
import { RaftLog } from "./log.ts";
import { at, entry, inTerm } from "./test-entries.test-kit.ts";

function logOf(...terms: number[]): RaftLog {
  const log = new RaftLog({
    compactedIndex: at(0),
    compactedTerm: inTerm(0),
    termRuns: [],
    lastIndex: at(0),
  });
  for (const [n, term] of terms.entries()) log.append(entry(n + 1, term));
  return log;
}

test("a log ahead in its last term, or as long in the same, is up to date", () => {
  const log = logOf(1, 1, 2);
  assert.ok(log.isUpToDate(at(1), inTerm(3)));
  assert.ok(log.isUpToDate(at(3), inTerm(2)));
  assert.ok(!log.isUpToDate(at(2), inTerm(2)));
  assert.ok(!log.isUpToDate(at(99), inTerm(1)));
});

test("the term is known for every index after the compacted one, without the entry", () => {
  const log = new RaftLog({
    compactedIndex: at(100),
    compactedTerm: inTerm(3),
    termRuns: [
      { index: at(101), term: inTerm(3) },
      { index: at(150), term: inTerm(5) },
    ],
    lastIndex: at(200),
  });
  assert.equal(log.term(at(99)), null);
  assert.equal(log.term(at(100)), 3);
  assert.equal(log.term(at(149)), 3);
  assert.equal(log.term(at(200)), 5);
  assert.equal(log.term(at(201)), null);
  assert.ok(!log.holds(at(200)));
  assert.equal(log.persistedIndex, 200);
});

test("a restored log with a gap after what is compacted is refused", () => {
  const termRuns = [{ index: at(12), term: inTerm(3) }];
  const restore = { compactedIndex: at(10), compactedTerm: inTerm(1), termRuns, lastIndex: at(20) };
  assert.throws(() => new RaftLog(restore), InvariantViolation);
});

test("compaction to the very end keeps the last term", () => {
  const log = logOf(1, 1, 2);
  log.compact(at(3), inTerm(2));
  assert.equal(log.lastTerm, 2);
  assert.equal(log.lastIndex, 3);
  assert.equal(log.firstIndex, 4);
  log.append(entry(4, 2));
  assert.equal(log.term(at(4)), 2);
  log.compact(at(2), inTerm(1));
  assert.equal(log.compactedIndex, 3);
});

test("compaction that names another term than the log has is impossible", () => {
  assert.throws(() => logOf(1, 1, 2).compact(at(3), inTerm(1)), InvariantViolation);
});

test("only a finished write makes entries durable, and truncation takes it back", () => {
  const log = logOf(1, 1);
  log.writeIssued();
  log.append(entry(3, 1));
  log.writeIssued();
  assert.equal(log.persistedIndex, 0);
  log.writePersisted(at(2), inTerm(1));
  assert.equal(log.persistedIndex, 2);
  log.writePersisted(at(3), inTerm(1));
  log.truncateFrom(at(2));
  assert.equal(log.persistedIndex, 1);
});

test("a snapshot replaces the log, and writes under way prove nothing beyond it", () => {
  const log = logOf(1, 1, 1);
  log.writeIssued();
  log.reset(at(50), inTerm(7));
  log.append(entry(51, 7));
  log.writePersisted(at(3), inTerm(1));
  assert.equal(log.persistedIndex, 50);
  assert.equal(log.lastTerm, 7);
});

test("two followers at the same place share one slice", () => {
  const log = logOf(1, 1, 1);
  assert.equal(log.slice(at(2), 100), log.slice(at(2), 100));
  log.append(entry(4, 1));
  assert.equal(log.slice(at(2), 100).length, 3);
});

test("hints skip whole terms on both sides", () => {
  const log = logOf(1, 1, 2, 2, 2, 5);
  assert.deepEqual(log.lastAtMost(at(6), inTerm(4)), { index: 5, term: 2 });
  assert.deepEqual(log.lastAtMost(at(6), inTerm(1)), { index: 2, term: 1 });
});

test("a log that has only later terms may agree at its compacted end", () => {
  const log = logOf(1, 1, 4, 4);
  log.compact(at(2), inTerm(1));
  assert.deepEqual(log.lastAtMost(at(4), inTerm(3)), { index: 2, term: 1 });
});
