/** The open loop: a stall is charged to every request that should have begun in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Latencies } from "./latency.ts";
import { Operations } from "./operations.ts";
import { PacedLoad } from "./paced-load.ts";
import type { Done, LoadConnection } from "./protocol.ts";

/** A connection whose answers the test gives. */
class HeldConnection implements LoadConnection {
  readonly ready: Promise<void> = Promise.resolve();
  readonly waiting: Done[] = [];

  send(_operation: unknown, done: Done): void {
    this.waiting.push(done);
  }
  readPage(): never {
    throw new Error("no pages here");
  }
  close(): void {}
}

const nothing = Buffer.alloc(0);

test("requests wait for the one connection, and their wait counts from when they were due", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const clock = { ms: 0 };
  t.mock.method(performance, "now", () => clock.ms);
  const connection = new HeldConnection();
  const operations = new Operations({ mix: "put", keys: 10, valueBytes: 8 });
  const fail = (error: string): void => assert.fail(error);
  const load = new PacedLoad({ connections: [connection], operations, rate: 100, fail });
  const latencies = new Latencies();
  load.start(0);
  load.measure(latencies);
  const passTo = (ms: number): void => {
    clock.ms = ms;
    t.mock.timers.tick(1);
  };
  passTo(95);
  assert.equal(connection.waiting.length, 1, "one request under way on one connection");
  assert.equal(load.waiting, 10, "due at 0, 10, … 90 ms");
  clock.ms = 100;
  for (let n = 0; n < 5; n += 1) connection.waiting.shift()?.(null, nothing);
  assert.equal(latencies.count, 5);
  assert.deepEqual(latencies.percentiles([0, 0.99]), [60, 100]);
  load.stop();
  load.giveUp(200);
  // Those due at 50, … 100 ms were never answered: they count with their age.
  assert.equal(latencies.count, 11);
  assert.equal(latencies.percentiles([1])[0], 150);
});
