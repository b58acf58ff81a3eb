/** Random commands against the reference model: results, reads at all revisions, crashes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Command, decodeCommand } from "../../kv/index.ts";
import { type Draw, drawFrom, seeded } from "../../kv/random-command.test-kit.ts";
import type { Entry } from "../../raft/index.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "../rocksdb.ts";
import type { Engine } from "./engine.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { ReferenceState } from "./reference-state.test-kit.ts";
import {
  assertReadsAsModel,
  assertSame,
  commandEntry,
  drawEntry,
  ORIGIN,
  put,
} from "./state.test-kit.ts";
import { StateStore } from "./state-store.ts";

/** Small, so that one `apply` often needs several batches, and reads see several eras. */
const OPTIONS = {
  batchBytesMax: 200,
  writeBackBytes: 1_000,
  recordCacheBytes: 65_536,
  eraRevisions: 20,
  eraBytes: 500,
};

/** Draws and applies a few entries to store and model and compares what they say. */
const applySome = (
  draw: Draw,
  state: StateStore,
  model: ReferenceState,
): { readonly entries: readonly Entry[] } => {
  const first = state.summary.appliedIndex + 1;
  const entries = Array.from({ length: 1 + draw(6) }, (_, at) =>
    drawEntry(draw, first + at, model.revision + at),
  );
  const expected = [];
  for (const entry of entries) {
    if (entry.type !== "command") continue;
    const { header, command } = decodeCommand(entry.data);
    const result = model.apply(command);
    if (header.origin === ORIGIN) expected.push({ sequence: header.sequence, result });
  }
  const applied = state.apply(entries, ORIGIN);
  assertSame(applied.settled, expected);
  const { appliedIndex, revision, compactRevision, keys } = applied.summary;
  assert.deepEqual(
    { appliedIndex, revision, compactRevision, keys },
    {
      appliedIndex: entries.at(-1)?.index,
      revision: model.revision,
      compactRevision: model.compactRevision,
      keys: model.keys.size,
    },
  );
  return { entries };
};

test("random commands do what the model does, at every revision, over crashes", async () => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const draw = drawFrom(seeded(seed));
    const model = new ReferenceState();
    const log: Entry[] = [];
    let engine = new MemoryEngine();
    let state = StateStore.open(engine, OPTIONS);
    for (let round = 0; round < 120; round += 1) {
      log.push(...applySome(draw, state, model).entries);
      if (draw(3) === 0) state.removeCompacted();
      if (draw(10) === 0) state.sync();
      if (draw(12) === 0) {
        const before = state.summary;
        engine = engine.crash(draw(engine.unsyncedBatches + 1));
        state = StateStore.open(engine, OPTIONS);
        replay(draw, state, log);
        assert.deepEqual(state.summary, before, `seed ${seed}, round ${round}: replayed state`);
      }
      await assertReadsAsModel(draw, engine, model);
    }
  }
});

/** Applies again what a crash lost, in other portions than before. */
const replay = (draw: Draw, state: StateStore, log: readonly Entry[]): void => {
  while (state.summary.appliedIndex < log.length) {
    const from = state.summary.appliedIndex;
    state.apply(log.slice(from, from + 1 + draw(9)), ORIGIN);
  }
};

test("RocksDB does what the model does, over restarts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-state-"));
  let engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
  try {
    const draw = drawFrom(seeded(100));
    const model = new ReferenceState();
    let state = StateStore.open(engine, OPTIONS);
    for (let round = 0; round < 120; round += 1) {
      applySome(draw, state, model);
      if (draw(3) === 0) state.removeCompacted();
      if (draw(20) === 0) {
        const before = state.summary;
        await engine.close();
        engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
        state = StateStore.open(engine, OPTIONS);
        assert.deepEqual(state.summary, before);
      }
      await assertReadsAsModel(draw, engine, model);
    }
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true });
  }
});

test("replicas agree on the hash however the entries were portioned and compacted", () => {
  const draw = drawFrom(seeded(200));
  const model = new ReferenceState();
  const log: Entry[] = [];
  const one = StateStore.open(new MemoryEngine(), OPTIONS);
  while (log.length < 600) {
    log.push(...applySome(draw, one, model).entries);
    one.removeCompacted();
  }
  const other = StateStore.open(new MemoryEngine());
  replay(draw, other, log);
  assert.deepEqual(other.summary, one.summary);
  assert.deepEqual(other.configuration, one.configuration);
});

const rowsOf = (engine: Engine): number => {
  const rows = engine.iterate({ start: Uint8Array.of(2), end: Uint8Array.of(5), values: false });
  const { length } = rows.next(100_000);
  rows.close();
  return length;
};

test("compaction removes everything that no read can reach", async () => {
  const draw = drawFrom(seeded(300));
  const engine = new MemoryEngine();
  const state = StateStore.open(engine, OPTIONS);
  const model = new ReferenceState();
  for (let round = 0; round < 100; round += 1) applySome(draw, state, model);
  const empty = new Uint8Array(0);
  const apply = (command: Command): void => {
    model.apply(command);
    state.apply([commandEntry(state.summary.appliedIndex + 1, command)], ORIGIN);
  };
  apply({ type: "deleteRange", start: empty, end: empty, keysMax: 99 });
  apply(put("b", "last"));
  apply({ type: "compact", revision: state.summary.revision });
  assert.ok(rowsOf(engine) > 100, "there is something to remove");
  state.removeCompacted();
  assert.equal(rowsOf(engine), 2, "the record and its event, where a watch may still start");
  await assertReadsAsModel(draw, engine, model);
});
