/** What compactions leave of events and history, and how both are cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeEventBlock,
  decodeEventKey,
  decodeHistoryKey,
  type HistoryPlace,
  TAG_EVENT,
  TAG_HISTORY,
  tagRange,
  toRevision,
} from "../../kv/index.ts";
import type { Entry } from "../../raft/index.ts";
import { EVENT_BLOCK_BYTES } from "./event-block.ts";
import { erasAfter } from "./history-eras.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { bytes, commandEntry, ORIGIN, put, readerOf } from "./state.test-kit.ts";
import { STATE_STORE_DEFAULTS, StateStore } from "./state-store.ts";

/** Numbers from `first` to `last`. */
const numbers = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

const putsOf = (key: string, from: number, to: number): Entry[] =>
  numbers(from, to).map((index) => commandEntry(index, put(key, `${index}`)));

const compactAt = (index: number, revision: number): Entry =>
  commandEntry(index, { type: "compact", revision: toRevision(revision) });

type BlockEvent = ReturnType<typeof decodeEventBlock>[number];

/** The events of each block. */
const eventBlocks = (engine: MemoryEngine): readonly (readonly BlockEvent[])[] => {
  const rows = engine.iterate(tagRange(TAG_EVENT));
  try {
    return rows.next(999).map(({ key, value }) => {
      const events = decodeEventBlock(value);
      const { revision, sub } = decodeEventKey(key);
      const { revision: lastRevision, sub: lastSub } = events.at(-1) ?? {};
      assert.deepEqual({ revision, sub }, { revision: lastRevision, sub: lastSub });
      return events;
    });
  } finally {
    rows.close();
  }
};

const eventRevisions = (engine: MemoryEngine): readonly number[] =>
  eventBlocks(engine).flatMap((events) => events.map(({ revision }) => revision));

/** Applies entries in portions, each of which makes a batch. */
const applyIn = (state: StateStore, portion: number, entries: readonly Entry[]): void => {
  for (let from = 0; from < entries.length; from += portion) {
    state.apply(entries.slice(from, from + portion), ORIGIN);
  }
};

const historyKeys = (engine: MemoryEngine): readonly HistoryPlace[] => {
  const rows = engine.iterate(tagRange(TAG_HISTORY));
  try {
    return rows.next(999).map(({ key }) => decodeHistoryKey(key));
  } finally {
    rows.close();
  }
};

test("a compaction is done, or done again, after a crash at any point of it", () => {
  const outcomes = new Set<string>();
  for (let kept = 0; kept <= 4; kept += 1) {
    const engine = new MemoryEngine();
    const state = StateStore.open(engine);
    applyIn(state, 1, putsOf("a", 1, 20));
    state.apply([compactAt(21, 15)], ORIGIN);
    state.sync();
    state.removeCompacted();
    const survivor = engine.crash(Math.min(kept, engine.unsyncedBatches));
    const reopened = StateStore.open(survivor);
    outcomes.add(`${reopened.isCompactionPending} ${eventRevisions(survivor).length}`);
    reopened.removeCompacted();
    assert.equal(reopened.isCompactionPending, false);
    assert.deepEqual(eventRevisions(survivor), numbers(15, 20));
    for (const revision of [15, 19, 20]) {
      assert.equal(readerOf(survivor).getAt(bytes("a"), toRevision(revision)).type, "found");
    }
  }
  assert.deepEqual([...outcomes].toSorted(), ["false 6", "true 20", "true 6"]);
});

const ERAS = { ...STATE_STORE_DEFAULTS, eraRevisions: 5 };

test("a compaction takes the eras that hold nothing it leaves to be read", () => {
  const engine = new MemoryEngine();
  const state = StateStore.open(engine, ERAS);
  applyIn(state, 4, putsOf("a", 1, 20));
  const removed: { readonly start: Uint8Array; readonly end: Uint8Array }[] = [];
  const deleteRange = engine.deleteRange.bind(engine);
  engine.deleteRange = (start, end) => {
    removed.push({ start, end });
    deleteRange(start, end);
  };
  const erasLeft = (): readonly number[] => [...new Set(historyKeys(engine).map(({ era }) => era))];
  assert.deepEqual(erasLeft(), [16, 11, 6, 1]);
  for (const [compactRevision, eras] of [
    [4, [16, 11, 6, 1]],
    [5, [16, 11, 6]],
    [14, [16, 11]],
    [19, [16]],
    [20, []],
  ] as const) {
    state.apply([compactAt(state.summary.appliedIndex + 1, compactRevision)], ORIGIN);
    state.removeCompacted();
    assert.deepEqual(erasLeft(), eras, `compacted at ${compactRevision}`);
    const firstOfBlock = compactRevision - ((compactRevision - 1) % 4);
    assert.deepEqual(eventRevisions(engine), numbers(firstOfBlock, 20));
    const reader = readerOf(engine);
    for (let revision = compactRevision; revision <= 20; revision += 1) {
      const found = reader.getAt(bytes("a"), toRevision(revision));
      assert.equal(found.type === "found" && found.record.modRevision, revision);
    }
  }
  assert.equal(StateStore.open(engine, ERAS).summary.revision, 20);
  assert.equal(removed.length, 9, "events each time, and eras where one ended");
  removed.sort((one, other) => Buffer.compare(one.start, other.start));
  for (const [at, { start }] of removed.entries()) {
    const before = removed[at - 1]?.end ?? Uint8Array.of();
    assert.ok(Buffer.compare(before, start) <= 0, "ranges do not overlap");
  }
  state.apply(putsOf("a", state.summary.appliedIndex + 1, state.summary.appliedIndex + 1), ORIGIN);
  assert.deepEqual(erasLeft(), [21], "the next history begins an era");
});

test("events of a batch lie in one row, in order, and many of them in several", () => {
  const engine = new MemoryEngine();
  const state = StateStore.open(engine);
  state.apply([commandEntry(1, put("a", "1")), commandEntry(2, put("b", "1"))], ORIGIN);
  const everything = new Uint8Array(0);
  state.apply(
    [
      commandEntry(3, put("b", "2")),
      commandEntry(4, { type: "deleteRange", start: everything, end: everything, keysMax: 9 }),
    ],
    ORIGIN,
  );
  const shown = eventBlocks(engine).map((events) =>
    events.map(
      ({ revision, sub, type, key, previousRevision }) =>
        `${revision}.${sub} ${type} ${Buffer.from(key)} after ${previousRevision}`,
    ),
  );
  assert.deepEqual(shown, [
    ["1.0 put a after 0", "2.0 put b after 0"],
    ["3.0 put b after 2"],
    ["4.0 delete a after 1", "4.1 delete b after 3"],
  ]);
  state.apply(putsOf("k".repeat(1000), 5, 204), ORIGIN);
  const many = eventBlocks(engine).slice(3);
  assert.deepEqual(
    many.flat().map(({ revision }) => revision),
    numbers(5, 204),
  );
  const sizes = many.map((events) => events.length);
  assert.ok(
    sizes.every((size) => size * 1000 <= EVENT_BLOCK_BYTES) && sizes.length === 4,
    `${sizes}`,
  );
});

test("an era ends by its bytes, goes on after a restart, and holds revisions whole", () => {
  const engine = new MemoryEngine();
  const options = { ...STATE_STORE_DEFAULTS, eraBytes: 1_000 };
  const state = StateStore.open(engine, options);
  const value = "x".repeat(300);
  const overwrite = (on: StateStore, key: string): void => {
    on.apply([commandEntry(on.summary.appliedIndex + 1, put(key, value))], ORIGIN);
  };
  for (let n = 0; n < 8; n += 1) overwrite(state, "a");
  assert.deepEqual([...new Set(historyKeys(engine).map(({ era }) => era))], [8, 5, 1]);
  const reopened = StateStore.open(engine, options);
  overwrite(reopened, "a");
  assert.equal(historyKeys(engine)[0]?.era, 8);
  for (const key of ["b", "c", "d", "e", "f", "g"]) overwrite(reopened, key);
  const everything = new Uint8Array(0);
  reopened.apply(
    [commandEntry(16, { type: "deleteRange", start: everything, end: everything, keysMax: 9 })],
    ORIGIN,
  );
  const { revision } = reopened.summary;
  const newest = historyKeys(engine).filter((place) => place.revision === revision);
  assert.equal(newest.length, 7, "a tombstone of each key");
  assert.equal(new Set(newest.map(({ era }) => era)).size, 1);
  overwrite(reopened, "a");
  overwrite(reopened, "a");
  assert.equal(historyKeys(engine)[0]?.era, revision + 1, "which had filled its era");
});

test("a history that is never compacted has few eras", () => {
  const engine = new MemoryEngine();
  const state = StateStore.open(engine, ERAS);
  for (let from = 1; from <= 20_000; from += 1000) {
    state.apply(putsOf("a", from, from + 999), ORIGIN);
  }
  const rows = engine.iterate(tagRange(TAG_HISTORY));
  const eras = [...erasAfter("memory", rows, toRevision(0))];
  rows.close();
  assert.ok(eras.length > 20 && eras.length < 50, `${eras.length} eras`);
});
