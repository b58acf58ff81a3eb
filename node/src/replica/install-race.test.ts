/**
 * A snapshot is installed while a new leader's entries arrive (etcd #18055): nothing may be written
 * between the store's switch and the core's word of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "./follower.test-kit.ts";

test("entries that arrive while a snapshot is installed are not written before it", () => {
  const follower = new Follower();
  follower.offerSnapshot();
  follower.append(6, 12);
  follower.settle();
  assert.deepEqual(follower.events, ["switch"]);
  follower.endInstall();
  follower.settle();
  assert.deepEqual(follower.events, ["switch", "accept"]);
});

test("what waited is judged by the log that the snapshot left", () => {
  const follower = new Follower();
  follower.offerSnapshot();
  follower.append(6, 12);
  follower.endInstall();
  follower.append(11, 12);
  follower.settle();
  assert.deepEqual(follower.events, ["switch", "accept", "write 11 12"]);
  const acknowledged = follower.sent.flatMap((message) =>
    message.type === "appendEntriesResponse" && message.success ? [message.matchIndex] : [],
  );
  assert.equal(acknowledged.at(-1), 12);
});
