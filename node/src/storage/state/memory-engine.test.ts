import assert from "node:assert/strict";
import { test } from "node:test";
import { testEngineContract } from "./engine-contract.test-kit.ts";
import { MemoryEngine, UNSYNCED_BATCHES_MAX } from "./memory-engine.ts";

testEngineContract("memory", async (body) => {
  const engine = new MemoryEngine();
  body(engine);
  await engine.close();
});

const write = (engine: MemoryEngine, value: number, sync: boolean): void => {
  const batch = engine.createBatch();
  batch.put(Uint8Array.of(1), Uint8Array.of(value));
  engine.write(batch, { sync });
};
const read = (engine: MemoryEngine): number | undefined =>
  engine.getMany([Uint8Array.of(1)])[0]?.[0];

test("a crash keeps what was synced and a prefix of what came after", () => {
  for (const [kept, expected] of [
    [0, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [99, 5],
  ] as const) {
    const engine = new MemoryEngine();
    write(engine, 1, false);
    write(engine, 2, true);
    for (const value of [3, 4, 5]) write(engine, value, false);
    assert.equal(engine.unsyncedBatches, 3);
    assert.equal(read(engine.crash(kept)), expected);
    assert.throws(() => read(engine), /closed/);
  }
});

test("what survived a crash survives the next one", () => {
  const engine = new MemoryEngine();
  write(engine, 1, false);
  write(engine, 2, false);
  const survivor = engine.crash(1);
  write(survivor, 3, false);
  assert.equal(read(survivor.crash(0)), 1);
});

test("unsynced batches beyond their maximum become durable, oldest first", () => {
  const engine = new MemoryEngine();
  for (let n = 0; n < UNSYNCED_BATCHES_MAX + 3; n += 1) write(engine, n % 256, false);
  assert.equal(engine.unsyncedBatches, UNSYNCED_BATCHES_MAX);
  assert.equal(read(engine.crash(0)), 2);
});
