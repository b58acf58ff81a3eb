import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./manual-clock.test-kit.ts";
import { WorkQueue, type WorkQueueSettings } from "./work-queue.ts";

const make = (settings?: WorkQueueSettings): { queue: WorkQueue; clock: ManualClock } => {
  const clock = new ManualClock();
  const parts = { clock, random: () => 1, ...(settings === undefined ? {} : { settings }) };
  return { queue: new WorkQueue(parts), clock };
};

/** What `take` gives now, or undefined when it waits. */
async function takeNow(queue: WorkQueue): Promise<string | null | undefined> {
  return await Promise.race([queue.take(), Promise.resolve().then(() => undefined)]);
}

test("a key that is added twice before it is taken is worked on once", async () => {
  const { queue } = make();
  queue.add("a");
  queue.add("a");
  queue.add("b");
  assert.equal(queue.depth, 2);
  assert.equal(await queue.take(), "a");
  assert.equal(await queue.take(), "b");
  assert.equal(await takeNow(queue), undefined);
});

test("a key that is added while it is worked on comes back after, and never to two", async () => {
  const { queue } = make();
  queue.add("a");
  assert.equal(await queue.take(), "a");
  queue.add("a");
  queue.add("a");
  const next = queue.take();
  assert.equal(queue.depth, 0);
  assert.equal(queue.inProgress, 1);
  queue.done("a");
  assert.equal(await next, "a");
  queue.done("a");
  assert.equal(queue.inProgress, 0);
  assert.equal(await takeNow(queue), undefined);
});

test("a worker that waits gets the key as it is added", async () => {
  const { queue } = make();
  const [first, second] = [queue.take(), queue.take()];
  queue.add("a");
  queue.add("b");
  assert.deepEqual([await first, await second], ["a", "b"]);
});

test("failures back off from 5 ms, doubled up to 1000 s, until one success", async () => {
  const { queue } = make({
    backoffBaseMs: 5,
    backoffMaxMs: 1_000_000,
    retries: { perSecond: 1_000, burst: 1_000 },
  });
  const delays = Array.from({ length: 20 }, () => queue.addRateLimited("a"));
  assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40]);
  assert.equal(delays.at(-1), 1_000_000);
  queue.forget("a");
  assert.equal(queue.addRateLimited("a"), 5);
});

test("jitter takes up to half of the backoff away", () => {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock, random: () => 0 });
  assert.equal(queue.addRateLimited("a"), 2.5);
});

test("many keys that fail at once come back no faster than the bucket lets", () => {
  const { queue } = make({
    backoffBaseMs: 5,
    backoffMaxMs: 1_000,
    retries: { perSecond: 10, burst: 2 },
  });
  const delays = ["a", "b", "c", "d"].map((key) => queue.addRateLimited(key));
  assert.deepEqual(delays, [5, 5, 100, 200]);
});

test("of several times the earliest counts, and taking the key ends the wait", async () => {
  const { queue, clock } = make();
  queue.addAfter("a", 100);
  queue.addAfter("a", 50);
  queue.addAfter("a", 80);
  assert.equal(clock.timers, 1);
  clock.advance(49);
  assert.equal(queue.depth, 0);
  clock.advance(1);
  assert.equal(await queue.take(), "a");
  queue.addAfter("b", 100);
  queue.add("b");
  assert.equal(await queue.take(), "b");
  queue.done("b");
  clock.advance(1_000);
  assert.equal(queue.depth, 0);
});

test("a queue that was shut down hands out nothing and leaves no timer", async () => {
  const { queue, clock } = make();
  queue.addAfter("a", 100);
  queue.add("b");
  const taken = await queue.take();
  const waiting = queue.take();
  queue.shutDown();
  assert.equal(await waiting, null);
  assert.equal(await queue.take(), null);
  queue.add("c");
  queue.done(taken ?? "");
  assert.deepEqual([queue.depth, clock.timers], [0, 0]);
});

test("how long the longest work lasts is told", async () => {
  const { queue, clock } = make();
  queue.add("a");
  await queue.take();
  clock.advance(3_000);
  assert.equal(queue.longestMs, 3_000);
  queue.done("a");
  assert.equal(queue.longestMs, 0);
});
