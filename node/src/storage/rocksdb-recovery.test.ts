// Evidence for docs/adr/0001-segmented-log.md: why the Raft log is not kept in RocksDB.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROCKS_DEFAULTS, RocksEngine } from "./rocksdb.ts";

const BATCHES = 200;

const keyOf = (index: number): Uint8Array =>
  new TextEncoder().encode(`entry ${String(index).padStart(6, "0")}`);

const keysOf = (engine: RocksEngine): number => {
  const rows = engine.iterate({ start: Uint8Array.of(0), end: Uint8Array.of(255) });
  let count = 0;
  for (;;) {
    const step = rows.next(100);
    if (step.length === 0) break;
    count += step.length;
  }
  rows.close();
  return count;
};

/** Leaves a folder as kill -9 would: everything synced, nothing closed. */
const writeSynced = async (folder: string, copy: string): Promise<void> => {
  const engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
  for (let index = 1; index <= BATCHES; index += 1) {
    const batch = engine.createBatch();
    batch.put(keyOf(index), new Uint8Array(256).fill(index));
    engine.write(batch, { sync: true });
  }
  await cp(folder, copy, { recursive: true });
  await engine.close();
};

const flipInTheMiddle = (folder: string): void => {
  const sizes = readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => ({ path: join(folder, name), bytes: readFileSync(join(folder, name)) }))
    .sort((a, b) => b.bytes.length - a.bytes.length);
  const log = sizes[0];
  assert.ok(log !== undefined && log.bytes.length > BATCHES * 256);
  const middle = Math.floor(log.bytes.length / 2);
  log.bytes[middle] = (log.bytes[middle] ?? 0) ^ 0x10;
  writeFileSync(log.path, log.bytes);
};

describe("RocksDB's write-ahead log, as the binding opens it", () => {
  it("loses every synced write after one flipped bit, and says nothing", async () => {
    const parent = await mkdtemp(join(tmpdir(), "kv-wal-"));
    try {
      const folder = join(parent, "state");
      const copy = join(parent, "copy");
      await writeSynced(folder, copy);
      flipInTheMiddle(copy);
      const engine = await RocksEngine.open(copy, ROCKS_DEFAULTS);
      const kept = keysOf(engine);
      await engine.close();
      assert.ok(kept > 0 && kept < BATCHES * 0.6, `${kept} of ${BATCHES} are left`);
    } finally {
      await rm(parent, { recursive: true });
    }
  });
});
