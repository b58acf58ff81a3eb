import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogWrite, Message } from "../raft/index.ts";
import { LogWriter } from "./log-writer.ts";
import type { Store } from "./ports.ts";
import { at, node, term } from "./replica.test-kit.ts";

const vote = (to: number): Message => ({
  type: "requestVoteResponse",
  from: node(1),
  to: node(to),
  term: term(2),
  voteGranted: true,
});

const write = (index: number): LogWrite => ({
  hardState: null,
  entries: [{ index: at(index), term: term(2), type: "noop", data: new Uint8Array(0) }],
});

const createWriter = () => {
  const events: string[] = [];
  const pending: (() => void)[] = [];
  const clock = { nowMs: 0 };
  const store = { append: (_: LogWrite, done: () => void) => pending.push(done) };
  const writer = new LogWriter(store as unknown as Store, {
    send: (message) => events.push(`send to ${message.to}`),
    persisted: ({ entries }) => events.push(`persisted ${entries[0]?.index}`),
    monotonicMs: () => clock.nowMs,
  });
  return { writer, events, clock, complete: () => pending.shift()?.() };
};

test("messages wait for their write and leave before it is reported", () => {
  const { writer, events, complete } = createWriter();
  writer.submit(write(1), [vote(2)]);
  assert.deepEqual(events, []);
  complete();
  assert.deepEqual(events, ["send to 2", "persisted 1"]);
});

test("messages without a write wait for all earlier writes, if there are any", () => {
  const { writer, events, complete } = createWriter();
  writer.submit(null, [vote(2)]);
  assert.deepEqual(events, ["send to 2"]);
  writer.submit(write(1), []);
  writer.submit(write(2), []);
  writer.submit(null, [vote(3)]);
  complete();
  assert.deepEqual(events, ["send to 2", "persisted 1"]);
  complete();
  assert.deepEqual(events, ["send to 2", "persisted 1", "send to 3", "persisted 2"]);
});

test("the age of the oldest write tells a stalled disk", () => {
  const { writer, clock, complete } = createWriter();
  assert.equal(writer.oldestAgeMs(), 0);
  writer.submit(write(1), []);
  clock.nowMs = 70;
  writer.submit(write(2), []);
  clock.nowMs = 100;
  assert.equal(writer.oldestAgeMs(), 100);
  complete();
  assert.equal(writer.oldestAgeMs(), 30);
});
