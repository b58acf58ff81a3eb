import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { toRevision } from "../../kv/index.ts";
import { drawFrom, seeded } from "../../kv/random-command.test-kit.ts";
import { toLogIndex } from "../../raft/index.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "../rocksdb.ts";
import type { Engine } from "./engine.ts";
import { MemoryEngine } from "./memory-engine.ts";
import type { SnapshotExport } from "./snapshot-export.ts";
import { CHUNK_BYTES_MAX, decodeChunk, encodeChunk } from "./snapshot-format.ts";
import { SnapshotImport } from "./snapshot-import.ts";
import {
  commandEntry,
  configurationEntry,
  drawEntry,
  members,
  ORIGIN,
  put,
} from "./state.test-kit.ts";
import { StateStore } from "./state-store.ts";

/** A state with members, history, deletions, a compaction half done and a value of many chunks. */
const makeState = (engine: Engine, entries: number): StateStore => {
  const draw = drawFrom(seeded(5));
  const state = StateStore.open(engine);
  state.apply([configurationEntry(1, members(1, 2))], ORIGIN);
  for (let index = 2; index <= entries; index += 1) {
    state.apply([drawEntry(draw, index, state.summary.revision)], ORIGIN);
  }
  const big = "v".repeat(5 * CHUNK_BYTES_MAX);
  state.apply([commandEntry(entries + 1, put("big", big))], ORIGIN);
  state.removeCompacted();
  return state;
};

const drain = (source: SnapshotExport): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  for (let chunk = source.next(); chunk !== null; chunk = source.next()) chunks.push(chunk);
  source.close();
  return chunks;
};

const dump = (engine: Engine): string[] => {
  const rows = engine.iterate({ start: Uint8Array.of(1), end: Uint8Array.of(0xff) });
  const found: string[] = [];
  for (let batch = rows.next(100); batch.length > 0; batch = rows.next(100)) {
    for (const { key, value } of batch) {
      found.push(`${Buffer.from(key).toString("hex")}=${Buffer.from(value).toString("hex")}`);
    }
  }
  rows.close();
  return found;
};

test("an imported snapshot is the same state, history and all", () => {
  const engine = new MemoryEngine();
  const state = makeState(engine, 400);
  const source = state.exportSnapshot();
  assert.equal(source.metadata.index, 401);
  assert.equal(source.revision, state.summary.revision);
  const chunks = drain(source);
  assert.ok(chunks.length > 4);
  assert.ok(chunks.every((chunk) => chunk.length <= CHUNK_BYTES_MAX));
  const copy = new MemoryEngine();
  const target = new SnapshotImport(copy, source.metadata);
  for (const chunk of chunks) assert.ok(target.write(chunk));
  assert.deepEqual(target.finish(), state.summary);
  assert.deepEqual(dump(copy), dump(engine));
  // Durable, and the two go on as one.
  const restored = StateStore.open(copy.crash(0));
  assert.deepEqual(restored.configuration, state.configuration);
  assert.equal(restored.configurationIndex, state.configurationIndex);
  const next = commandEntry(402, put("a", "after"));
  assert.deepEqual(restored.apply([next], ORIGIN), state.apply([next], ORIGIN));
});

test("a snapshot passes between RocksDB folders and holds the moment it was opened", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-snapshot-"));
  const from = await RocksEngine.open(join(folder, "from"), ROCKS_DEFAULTS);
  const to = await RocksEngine.open(join(folder, "to"), ROCKS_DEFAULTS);
  try {
    const state = makeState(from, 100);
    const { summary } = state;
    const source = state.exportSnapshot();
    state.apply([commandEntry(102, put("a", "too late"))], ORIGIN);
    const target = new SnapshotImport(to, source.metadata);
    for (const chunk of drain(source)) assert.ok(target.write(chunk));
    assert.deepEqual(target.finish(), summary);
  } finally {
    await from.close();
    await to.close();
    rmSync(folder, { recursive: true });
  }
});

/** @returns whether the import took all chunks and then verified the whole */
const isAccepted = (source: SnapshotExport, chunks: readonly Uint8Array[]): boolean => {
  const target = new SnapshotImport(new MemoryEngine(), source.metadata);
  return chunks.every((chunk) => target.write(chunk)) && target.finish() !== null;
};

test("a chunk that is damaged, missing, twice or out of order is refused", () => {
  const source = makeState(new MemoryEngine(), 50).exportSnapshot();
  const chunks = drain(source);
  assert.ok(isAccepted(source, chunks));
  const draw = drawFrom(seeded(6));
  for (const [at, chunk] of chunks.entries()) {
    for (let round = 0; round < 30; round += 1) {
      const damaged = Uint8Array.from(chunk);
      const place = draw(damaged.length);
      damaged[place] = (damaged[place] ?? 0) ^ (1 << draw(8));
      assert.ok(!isAccepted(source, chunks.with(at, damaged)), `chunk ${at} byte ${place}`);
    }
    const cut = chunk.subarray(0, draw(chunk.length));
    assert.ok(!isAccepted(source, chunks.with(at, cut)), "cut");
    assert.ok(!isAccepted(source, chunks.toSpliced(at, 1)), "missing");
    assert.ok(!isAccepted(source, chunks.toSpliced(at, 0, chunk)), "twice");
    if (at > 0) {
      const [one, other] = [chunks[at - 1] ?? chunk, chunk];
      assert.ok(!isAccepted(source, chunks.with(at - 1, other).with(at, one)), "swapped");
    }
  }
  assert.ok(!isAccepted(source, [...chunks, ...chunks.slice(-1)]));
});

test("well-formed chunks that do not make a whole are refused", () => {
  const source = makeState(new MemoryEngine(), 50).exportSnapshot();
  const [header = new Uint8Array(0), ...rest] = drain(source);
  const renumbered = (chunks: readonly Uint8Array[]): Uint8Array[] =>
    chunks.map((chunk, sequence) => encodeChunk({ ...decodeChunk(chunk), sequence }));
  assert.ok(isAccepted(source, renumbered([header, ...rest])));
  assert.ok(!isAccepted(source, renumbered(rest)), "no header");
  assert.ok(!isAccepted(source, renumbered([header, header, ...rest])), "two headers");
  assert.ok(!isAccepted(source, renumbered([header, ...rest.slice(1)])), "rows missing");
  assert.ok(!isAccepted(source, renumbered([header, ...rest.slice(0, -1)])), "no trailer");
  assert.ok(!isAccepted(source, []));
});

test("the snapshot of another moment is refused at its header", () => {
  const state = makeState(new MemoryEngine(), 50);
  const source = state.exportSnapshot();
  const { metadata } = source;
  for (const other of [
    { ...metadata, index: toLogIndex(metadata.index + 1) },
    { ...metadata, configuration: members(1) },
    { ...metadata, configurationIndex: toLogIndex(2 + metadata.configurationIndex) },
  ]) {
    const target = new SnapshotImport(new MemoryEngine(), other);
    assert.equal(target.write(source.next() ?? new Uint8Array(0)), false);
    assert.equal(target.finish(), null);
  }
  source.close();
});

test("an import that did not end leaves a folder that cannot be opened as a state", () => {
  const source = makeState(new MemoryEngine(), 50).exportSnapshot();
  const engine = new MemoryEngine();
  const target = new SnapshotImport(engine, source.metadata);
  const chunks = drain(source);
  for (const chunk of chunks.slice(0, -1)) assert.ok(target.write(chunk));
  assert.equal(target.finish(), null);
  assert.throws(() => StateStore.open(engine), /none with the applied index/);
});

test("an export of a blank state is a blank state", () => {
  const state = StateStore.open(new MemoryEngine());
  const source = state.exportSnapshot();
  const target = new SnapshotImport(new MemoryEngine(), source.metadata);
  for (const chunk of drain(source)) assert.ok(target.write(chunk));
  assert.equal(target.finish()?.revision, toRevision(0));
});
