/** Proposals that come while a write is under way leave together behind it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "./follower.test-kit.ts";

/** A follower that has heard of its leader and writes an entry of it. */
function writingFollower(): Follower {
  const follower = new Follower();
  follower.append(6, 6);
  follower.settle();
  follower.append(7, 7);
  follower.run();
  return follower;
}

test("proposals gather while a write is under way, and leave in one message", () => {
  const follower = writingFollower();
  follower.propose().catch(assert.fail);
  follower.run();
  follower.propose().catch(assert.fail);
  follower.run();
  assert.deepEqual(follower.forwarded, []);
  follower.settle();
  assert.deepEqual(follower.forwarded, [[0, 1]]);
});

test("without a write a proposal leaves at once, whatever is on its way", () => {
  const follower = writingFollower();
  follower.settle();
  follower.propose().catch(assert.fail);
  follower.run();
  follower.propose().catch(assert.fail);
  follower.run();
  assert.deepEqual(follower.forwarded, [[0], [1]]);
});

test("a disk that stands still holds them up for no longer than a tick", () => {
  const follower = writingFollower();
  follower.propose().catch(assert.fail);
  follower.tick();
  follower.run();
  assert.deepEqual(follower.forwarded, [[0]]);
});
