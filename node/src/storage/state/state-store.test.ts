import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, toRevision } from "../../kv/index.ts";
import { type Entry, toLogIndex } from "../../raft/index.ts";
import { StorageError } from "../errors.ts";
import { MemoryEngine } from "./memory-engine.ts";
import {
  blankFigures,
  encodeFigures,
  FIGURES_KEY,
  HASH_CHECKPOINT_ENTRIES,
  HASH_CHECKPOINTS_MAX,
} from "./meta.ts";
import {
  bytes,
  commandEntry,
  configurationEntry,
  members,
  noopEntry,
  ORIGIN,
  put,
  remove,
} from "./state.test-kit.ts";
import { STATE_STORE_DEFAULTS, StateStore } from "./state-store.ts";

const open = (): { readonly engine: MemoryEngine; readonly state: StateStore } => {
  const engine = new MemoryEngine();
  return { engine, state: StateStore.open(engine) };
};

const entriesUpTo = (from: number, to: number, make: (index: number) => Entry): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => make(from + at));

const isCorrupt = (pattern: RegExp) => (error: unknown) =>
  error instanceof StorageError && error.code === "CORRUPT" && pattern.test(error.message);

test("a blank state is at index 0 and knows no members", () => {
  const { state } = open();
  assert.deepEqual(state.summary, {
    appliedIndex: 0,
    appliedTerm: 0,
    revision: 0,
    compactRevision: 0,
    keys: 0,
    hash: 0,
    checkpoint: null,
  });
  assert.deepEqual(state.configuration, { members: [] });
  assert.equal(state.configurationIndex, 0);
});

test("entries must follow the applied index without a gap, a repeat or an older term", () => {
  const { state } = open();
  state.apply(entriesUpTo(1, 150, noopEntry), ORIGIN);
  for (const index of [150, 152]) {
    assert.throws(() => state.apply([noopEntry(index)], ORIGIN), /cannot follow applied entry 150/);
  }
  const older = { ...noopEntry(151), term: noopEntry(1).term };
  assert.throws(() => state.apply([older], ORIGIN), /term 1 cannot follow/);
});

test("only commands of this life of this node are settled", () => {
  const { state } = open();
  const { settled } = state.apply(
    [commandEntry(1, put("a", "1"), ORIGIN), commandEntry(2, put("a", "2"), ORIGIN + 1)],
    ORIGIN,
  );
  assert.deepEqual(settled, [{ sequence: 1, result: { type: "put", revision: 1, created: true } }]);
});

test("commands of one call see each other's effects, also over a range", () => {
  const { state } = open();
  const commands: Command[] = [
    put("a", "1"),
    put("b", "1"),
    { type: "deleteRange", start: bytes("a"), end: bytes("b"), keysMax: 1 },
    { ...put("a", "2"), condition: { type: "absent" } } as Command,
    { type: "deleteRange", start: bytes("a"), end: bytes(""), keysMax: 1 },
    remove("a"),
    remove("a"),
  ];
  const { settled, summary } = state.apply(
    commands.map((command, at) => commandEntry(at + 1, command)),
    ORIGIN,
  );
  assert.deepEqual(
    settled.map(({ result }) => result),
    [
      { type: "put", revision: 1, created: true },
      { type: "put", revision: 2, created: true },
      { type: "deleted", revision: 3, count: 1 },
      { type: "put", revision: 4, created: true },
      { type: "failed", code: "RANGE_TOO_LARGE", revision: 4, current: 0 },
      { type: "deleted", revision: 5, count: 1 },
      { type: "deleted", revision: 5, count: 0 },
    ],
  );
  assert.equal(summary.keys, 1);
});

test("an entry that is no command this program knows is corruption, and nothing is applied", () => {
  const { engine, state } = open();
  const good = commandEntry(1, put("a", "1"));
  const bad: Entry = { ...commandEntry(2, put("b", "1")), data: Uint8Array.of(1, 99) };
  assert.throws(() => state.apply([good, bad], ORIGIN), isCorrupt(/log entry 2 of term 1/));
  assert.equal(StateStore.open(engine).summary.appliedIndex, 0);
});

test("the configuration is kept with the entry that made it", () => {
  const { engine, state } = open();
  state.apply([configurationEntry(1, members(1)), noopEntry(2)], ORIGIN);
  const { hash } = state.summary;
  state.apply([configurationEntry(3, members(1, 2))], ORIGIN);
  assert.notEqual(state.summary.hash, hash, "a configuration counts into the hash");
  for (const known of [state, StateStore.open(engine)]) {
    assert.deepEqual(known.configuration, members(1, 2));
    assert.equal(known.configurationIndex, 3);
  }
});

test("what sync returned for survives a crash that loses everything else", () => {
  const { engine, state } = open();
  state.apply([commandEntry(1, put("a", "1"))], ORIGIN);
  state.sync();
  const synced = state.summary;
  state.apply([commandEntry(2, put("a", "2"))], ORIGIN);
  assert.deepEqual(StateStore.open(engine.crash(0)).summary, synced);
});

test("every replica notes its hash at the same entries, and the last ones are kept", () => {
  const { engine, state } = open();
  const last = HASH_CHECKPOINT_ENTRIES * (HASH_CHECKPOINTS_MAX + 2);
  state.apply([commandEntry(1, put("a", "1"))], ORIGIN);
  const { hash } = state.summary;
  for (let from = 2; from <= last; from += 8192) {
    state.apply(entriesUpTo(from, Math.min(last, from + 8191), noopEntry), ORIGIN);
  }
  const verify = (index: number, expected: number): unknown => {
    const next = state.summary.appliedIndex + 1;
    const command: Command = { type: "verifyHash", index, hash: expected };
    return state.apply([{ ...commandEntry(next, command), term: noopEntry(next).term }], ORIGIN)
      .divergence;
  };
  assert.deepEqual(state.summary.checkpoint, { index: last, hash });
  assert.equal(verify(last, hash), null);
  assert.deepEqual(verify(last, hash ^ 1), { index: last, expected: hash ^ 1, actual: hash });
  assert.equal(verify(last - 1, hash ^ 1), null, "no checkpoint: no verdict");
  assert.equal(verify(HASH_CHECKPOINT_ENTRIES * 2, hash ^ 1), null, "forgotten: no verdict");
  const oldest = HASH_CHECKPOINT_ENTRIES * 3;
  assert.notEqual(verify(oldest, hash ^ 1), null);
  const reopened = StateStore.open(engine);
  assert.deepEqual(reopened.summary, state.summary);
});

test("meta data that does not fit the data is corruption, told when the state is opened", () => {
  const figures = { ...blankFigures(), revision: toRevision(1), appliedIndex: toLogIndex(9) };
  const spoilt: readonly [RegExp, (engine: MemoryEngine) => void][] = [
    [/does not decode/, (engine) => engine.overwrite(FIGURES_KEY, Uint8Array.of(1, 2))],
    [/format 9/, (engine) => engine.overwrite(FIGURES_KEY, Uint8Array.of(9))],
    [
      /the last event has revision 2/,
      (engine) => engine.overwrite(FIGURES_KEY, encodeFigures(figures)),
    ],
    [
      /not in order/,
      (engine) => {
        const removedRevision = toRevision(1);
        engine.overwrite(FIGURES_KEY, encodeFigures({ ...figures, removedRevision }));
      },
    ],
  ];
  for (const [pattern, spoil] of spoilt) {
    const { engine, state } = open();
    state.apply([commandEntry(1, put("a", "1")), commandEntry(2, put("b", "1"))], ORIGIN);
    spoil(engine);
    assert.throws(() => StateStore.open(engine), isCorrupt(pattern));
  }
});

test("rows without meta data are refused: an import that never ended", () => {
  const engine = new MemoryEngine();
  engine.overwrite(Uint8Array.of(2, 1), Uint8Array.of(1));
  assert.throws(() => StateStore.open(engine), isCorrupt(/none with the applied index/));
});

test("a write-back is due after so many bytes, and neither again before nor after a sync", () => {
  const engine = new MemoryEngine();
  const options = { ...STATE_STORE_DEFAULTS, writeBackBytes: 10_000 };
  const state = StateStore.open(engine, options);
  const value = "x".repeat(4_000);
  const applyPut = (index: number): void => {
    state.apply([commandEntry(index, put(`key ${index}`, value))], ORIGIN);
  };
  for (const index of [1, 2]) applyPut(index);
  assert.equal(state.isWriteBackDue, false);
  applyPut(3);
  assert.equal(state.isWriteBackDue, true);
  const done: unknown[] = [];
  state.writeBack((error) => done.push(error));
  assert.deepEqual(done, [undefined]);
  assert.equal(state.isWriteBackDue, false);
  assert.equal(engine.unsyncedBatches, 3, "it promises nothing");
  for (const index of [4, 5, 6]) applyPut(index);
  assert.equal(state.isWriteBackDue, true);
  state.sync();
  assert.equal(state.isWriteBackDue, false);
});
