import assert from "node:assert/strict";
import { test } from "node:test";
import { type Revision, toRevision } from "../../kv/index.ts";
import { drawCommand, drawFrom, HARD_KEYS, seeded } from "../../kv/random-command.test-kit.ts";
import type { GetResult, ScanRequest, ScanResult } from "../../replica/index.ts";
import { StorageError } from "../errors.ts";
import { InterleavedEngine } from "./interleaved-engine.test-kit.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { ReferenceState } from "./reference-state.test-kit.ts";
import {
  assertSame,
  bytes,
  commandEntry,
  ORIGIN,
  put,
  readerOf,
  remove,
} from "./state.test-kit.ts";
import { EngineReader, READER_DEFAULTS } from "./state-reader.ts";
import { StateStore } from "./state-store.ts";

const EVERYTHING: ScanRequest = {
  start: new Uint8Array(0),
  end: new Uint8Array(0),
  revision: null,
  limit: 1000,
  bytesMax: 1_000_000,
  keysOnly: false,
  countMax: 0,
};

const applyAll = (state: StateStore, commands: readonly Parameters<typeof commandEntry>[1][]) => {
  const first = state.summary.appliedIndex + 1;
  state.apply(
    commands.map((command, at) => commandEntry(first + at, command)),
    ORIGIN,
  );
};

/** An answer is right if it is what the model says, or the revision left the window meanwhile. */
const assertRight = (
  answer: GetResult | ScanResult,
  asked: { readonly revision: Revision; readonly highest: Revision; readonly lowest: Revision },
  expected: () => unknown,
): void => {
  if (answer.type !== "failed") {
    const { revision: _told, ...rest } = answer;
    assertSame(rest, expected());
  } else if (answer.code === "REVISION_COMPACTED") {
    assert.ok(asked.revision < asked.lowest, `${asked.revision} was never compacted`);
  } else {
    assert.ok(asked.revision > asked.highest, `${asked.revision} was there all the time`);
  }
};

test("reads are right whatever is applied and compacted between their steps", async () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 60; seed += 1) {
    const draw = drawFrom(seeded(seed));
    const engine = new MemoryEngine();
    const state = StateStore.open(engine);
    // The history of the model is kept whole: what a revision held never changes.
    const model = new ReferenceState();
    const work = (): void => {
      for (let n = draw(6); n > 0; n -= 1) {
        const command = drawCommand(draw, model.revision);
        model.apply(command);
        applyAll(state, [command]);
      }
      if (draw(2) === 0) state.removeCompacted();
    };
    const reader = readerOf(new InterleavedEngine(engine, work));
    for (let round = 0; round < 40; round += 1) {
      work();
      const revision = toRevision(Math.max(0, model.revision + 2 - draw(12)));
      const highest = model.revision;
      const key = HARD_KEYS[draw(HARD_KEYS.length)] ?? bytes("a");
      const answer = reader.getAt(key, revision);
      const lowest = model.compactRevision;
      outcomes.add(answer.type === "failed" ? answer.code : answer.type);
      assertRight(answer, { revision, highest, lowest }, () =>
        past(model, () => model.getAt(key, revision)),
      );
      const request = { ...EVERYTHING, revision: draw(3) === 0 ? null : revision };
      const highestBefore = model.revision;
      const page = await reader.scan(request);
      const seen = page.type === "page" ? page.revision : revision;
      outcomes.add(page.type === "failed" ? page.code : page.type);
      assertRight(
        page,
        { revision: seen, highest: highestBefore, lowest: model.compactRevision },
        () => past(model, () => model.scan({ ...request, revision: seen })),
      );
    }
  }
  assert.deepEqual([...outcomes].toSorted(), [
    "REVISION_COMPACTED",
    "REVISION_IN_FUTURE",
    "absent",
    "found",
    "page",
  ]);
});

/** What the model held, also before its compact revision. */
const past = (model: ReferenceState, read: () => GetResult | ScanResult): unknown => {
  const { compactRevision } = model;
  model.compactRevision = toRevision(0);
  const { revision: _told, ...rest } = read();
  model.compactRevision = compactRevision;
  return rest;
};

test("pages named by the first page's revision make one consistent whole", async () => {
  const engine = new MemoryEngine();
  const state = StateStore.open(engine);
  const keys = Array.from({ length: 50 }, (_, n) => `key/${String(n).padStart(2, "0")}`);
  applyAll(
    state,
    keys.map((key) => put(key, "old")),
  );
  const reader = readerOf(engine);
  const found: string[] = [];
  let request: ScanRequest = { ...EVERYTHING, limit: 7 };
  for (;;) {
    const page = await reader.scan(request);
    assert.ok(page.type === "page");
    for (const { key, record } of page.rows) {
      found.push(`${Buffer.from(key)}=${Buffer.from(record.value)}`);
    }
    // Between pages everything changes: overwritten, deleted, new keys in the middle.
    applyAll(state, [put("key/30", "new"), remove("key/40"), put("key/35a", "new"), put("a", "b")]);
    const last = page.rows.at(-1);
    if (!page.more || last === undefined) break;
    request = {
      ...request,
      start: Buffer.concat([last.key, bytes("\0")]),
      revision: page.revision,
    };
  }
  assert.deepEqual(
    found,
    keys.map((key) => `${key}=old`),
  );
});

test("a page ends at its bytes but has at least one row", async () => {
  const engine = new MemoryEngine();
  applyAll(StateStore.open(engine), [put("a", "x".repeat(50)), put("b", "y"), put("c", "z")]);
  const reader = readerOf(engine);
  const keysOf = async (request: Partial<ScanRequest>): Promise<unknown> => {
    const page = await reader.scan({ ...EVERYTHING, ...request });
    assert.ok(page.type === "page");
    return [page.rows.map(({ key }) => Buffer.from(key).toString()), page.more, page.count];
  };
  assert.deepEqual(await keysOf({ bytesMax: 1 }), [["a"], true, 0]);
  assert.deepEqual(await keysOf({ bytesMax: 53 }), [["a", "b"], true, 0]);
  assert.deepEqual(await keysOf({ bytesMax: 55 }), [["a", "b", "c"], false, 0]);
  assert.deepEqual(await keysOf({ bytesMax: 3, keysOnly: true }), [["a", "b", "c"], false, 0]);
  assert.deepEqual(await keysOf({ limit: 0, countMax: 2 }), [[], true, 2]);
  assert.deepEqual(await keysOf({ limit: 1, countMax: 9 }), [["a"], true, 3]);
});

test("a long history of one key costs seeks, not a walk over its versions", async () => {
  const engine = new MemoryEngine();
  const state = StateStore.open(engine);
  const versions = 5000;
  applyAll(state, [put("a", "first")]);
  applyAll(
    state,
    Array.from({ length: versions }, (_, n) => put("b", `${n}`)),
  );
  applyAll(state, [put("c", "last")]);
  const counting = new InterleavedEngine(engine);
  const reader = readerOf(counting);
  const middle = toRevision(versions / 2);
  const page = await reader.scan({ ...EVERYTHING, revision: middle });
  assert.ok(page.type === "page");
  assert.deepEqual(
    page.rows.map(({ record }) => Buffer.from(record.value).toString()),
    ["first", `${versions / 2 - 2}`],
  );
  assert.ok(counting.rowsRead < 300, `${counting.rowsRead} rows read`);
  const before = counting.rowsRead;
  assert.equal(reader.getAt(bytes("b"), middle).type, "found");
  assert.equal(counting.rowsRead - before, 2, "a row to know the era, and the version");
});

test("a scan lets other work run between turns", async () => {
  const engine = new MemoryEngine();
  applyAll(
    StateStore.open(engine),
    Array.from({ length: 1000 }, (_, n) => put(`${n}`, "v")),
  );
  let turns = 0;
  const reader = new EngineReader(engine, {
    ...READER_DEFAULTS,
    rowsPerTurn: 100,
    defer: async () => {
      turns += 1;
    },
  });
  await reader.scan(EVERYTHING);
  assert.ok(turns >= 9 && turns <= 21, `${turns} turns`);
});

test("a closed reader refuses, and ends scans that are under way", async () => {
  const engine = new MemoryEngine();
  applyAll(StateStore.open(engine), [put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")]);
  const gate = Promise.withResolvers<void>();
  const reader = new EngineReader(engine, {
    ...READER_DEFAULTS,
    rowsPerTurn: 2,
    defer: () => gate.promise,
  });
  const scan = reader.scan(EVERYTHING);
  const closed = reader.close();
  gate.resolve();
  await assert.rejects(scan, /the reader is closed/);
  await closed;
  assert.throws(() => reader.getMany([bytes("a")]), /the reader is closed/);
  assert.throws(() => reader.getAt(bytes("a"), toRevision(1)), /the reader is closed/);
});

test("a row that does not decode is corruption that names the folder and the key", async () => {
  const engine = new MemoryEngine("/data/state");
  applyAll(StateStore.open(engine), [put("kk", "1"), put("kk", "2")]);
  const reader = readerOf(engine);
  const stored = Uint8Array.of(2, ...bytes("kk"));
  const isCorrupt = (error: unknown): boolean =>
    error instanceof StorageError &&
    error.code === "CORRUPT" &&
    error.message.includes("/data/state: row 026b6b does not decode");
  for (const damaged of [
    Uint8Array.of(),
    Uint8Array.of(9),
    bytes("\x01\x02"),
    bytes("\x01\x01x"),
  ]) {
    engine.overwrite(stored, damaged);
    assert.throws(() => reader.getMany([bytes("kk")]), isCorrupt);
    assert.throws(() => reader.getAt(bytes("kk"), toRevision(2)), isCorrupt);
    await assert.rejects(reader.scan(EVERYTHING), isCorrupt);
  }
});
