import assert from "node:assert/strict";
import { test } from "node:test";
import { type AppendEntriesResponse, InvariantViolation, toNodeId } from "./index.ts";
import { Outbox } from "./outbox.ts";
import { at, entry, inTerm } from "./test-entries.test-kit.ts";

const acknowledgement = (
  matchIndex: number,
  term: number = 1,
  to: number = 1,
): AppendEntriesResponse => ({
  type: "appendEntriesResponse",
  from: toNodeId(2),
  to: toNodeId(to),
  term: inTerm(term),
  success: true,
  matchIndex: at(matchIndex),
  rejectedIndex: at(0),
  conflictIndex: at(0),
  conflictTerm: inTerm(0),
});

test("of many acknowledgements of one step only the furthest leaves", () => {
  const outbox = new Outbox();
  for (const index of [5, 9, 7]) outbox.acknowledge(acknowledgement(index));
  const { messagesAfterWrite } = outbox.take(null, at(0));
  assert.deepEqual(messagesAfterWrite, [acknowledgement(9)]);
});

test("acknowledgements to another leader or in another term stay apart", () => {
  const outbox = new Outbox();
  outbox.acknowledge(acknowledgement(9, 1, 1));
  outbox.acknowledge(acknowledgement(7, 2, 1));
  outbox.acknowledge(acknowledgement(7, 2, 3));
  assert.equal(outbox.take(null, at(0)).messagesAfterWrite.length, 3);
});

test("entries overwritten within a step are not written", () => {
  const outbox = new Outbox();
  for (const index of [5, 6, 7]) outbox.write(entry(index, 1));
  outbox.write(entry(6, 2));
  const written = outbox.take(null, at(0)).write?.entries.map((one) => `${one.index}/${one.term}`);
  assert.deepEqual(written, ["5/1", "6/2"]);
  outbox.write(entry(5, 3));
  outbox.write(entry(3, 4));
  assert.deepEqual(
    outbox.take(null, at(0)).write?.entries.map((one) => one.index),
    [3],
  );
});

test("a gap in a write is impossible", () => {
  const outbox = new Outbox();
  outbox.write(entry(5, 1));
  assert.throws(() => outbox.write(entry(7, 1)), InvariantViolation);
});

test("what was taken is not taken again, and nothing to write is no write", () => {
  const outbox = new Outbox();
  outbox.write(entry(5, 1));
  outbox.take(null, at(0));
  const again = outbox.take(null, at(0));
  assert.equal(again.write, null);
  assert.deepEqual(again.messages, []);
});
