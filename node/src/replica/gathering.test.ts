/** Proposals that come while others are under way share the next message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "./follower.test-kit.ts";

/** A follower that has heard of its leader, with one proposal on its way there. */
function busyFollower(): Follower {
  const follower = new Follower();
  follower.append(6, 6);
  follower.settle();
  follower.propose().catch(assert.fail);
  follower.settle();
  assert.deepEqual(follower.forwarded, [[0]]);
  return follower;
}

test("proposals gather until the leader is heard of, and leave in one message", () => {
  const follower = busyFollower();
  follower.propose().catch(assert.fail);
  follower.settle();
  follower.propose().catch(assert.fail);
  follower.settle();
  assert.deepEqual(follower.forwarded, [[0]]);
  follower.append(7, 7);
  follower.settle();
  assert.deepEqual(follower.forwarded, [[0], [1, 2]]);
});

test("a leader that stays silent holds them up for no longer than a tick", () => {
  const follower = busyFollower();
  follower.propose().catch(assert.fail);
  follower.tick();
  follower.settle();
  assert.deepEqual(follower.forwarded, [[0], [1]]);
});
