import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../raft/index.ts";
import { Inbox } from "./inbox.ts";
import { at, node, term } from "./replica.test-kit.ts";

const append = (bytes: number): Message => ({
  type: "appendEntries",
  from: node(1),
  to: node(2),
  term: term(1),
  prevLogIndex: at(0),
  prevLogTerm: term(0),
  entries: [{ index: at(1), term: term(1), type: "command", data: new Uint8Array(bytes) }],
  leaderCommit: at(0),
});

test("messages above the count are dropped and counted", () => {
  const inbox = new Inbox({ itemsMax: 2, bytesMax: 1000 });
  assert.deepEqual(
    [1, 2, 3].map((bytes) => inbox.offer(append(bytes))),
    [true, true, false],
  );
  assert.equal(inbox.items, 2);
  assert.equal(inbox.dropped, 1);
});

test("messages above the bytes are dropped, but one of any size gets through", () => {
  const inbox = new Inbox({ itemsMax: 10, bytesMax: 100 });
  assert.ok(inbox.offer(append(500)));
  assert.ok(!inbox.offer(append(1)));
  assert.equal(inbox.bytes, 500);
  inbox.drain();
  assert.equal(inbox.bytes, 0);
  assert.ok(inbox.offer(append(60)));
  assert.ok(!inbox.offer(append(60)));
});

test("what must not be lost is taken by a full inbox, and the first of all comes first", () => {
  const inbox = new Inbox({ itemsMax: 1, bytesMax: 100 });
  inbox.offer(append(1));
  inbox.push({ type: "tick" });
  inbox.pushFirst({ type: "applied", index: at(1) });
  assert.deepEqual(
    inbox.drain().map(({ type }) => type),
    ["applied", "message", "tick"],
  );
  assert.deepEqual(inbox.drain(), []);
});
