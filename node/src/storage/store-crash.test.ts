// The store across power cuts, on a simulated disk: the order of its writes, step by step.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Entry, toLogIndex } from "../raft/index.ts";
import { seededRandom } from "./seeded-random.test-kit.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedCrash } from "./simulated-files.ts";
import {
  append,
  apply,
  compact,
  exportFrom,
  hashAfter,
  installInto,
  newDisk,
  openOn,
  putEntries,
  putEntry,
  REQUEST,
  read,
  type TestStore,
} from "./store.test-kit.ts";

/** Opens after a power cut; the power may fail again while it opens. */
const reopen = (disk: SimulatedDisk, random: () => number): TestStore => {
  for (;;) {
    disk.crash();
    if (random() < 0.3) disk.files.crashAfter(1 + Math.floor(random() * 4));
    try {
      return openOn(disk);
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
    }
  }
};

describe("bootstrap", () => {
  it("leaves a blank node or a whole member, wherever the power fails", () => {
    const found = new Set<string>();
    for (let operation = 1; operation <= 24; operation += 1) {
      for (let seed = 1; seed <= 10; seed += 1) {
        const disk = new SimulatedDisk(seededRandom(seed * 100 + operation));
        disk.files.crashAfter(operation);
        try {
          disk.bootstrap(REQUEST);
        } catch (error) {
          assert.ok(error instanceof SimulatedCrash);
        }
        disk.crash();
        const identity = disk.identity();
        found.add(identity === null ? "blank" : "member");
        if (identity === null) disk.bootstrap(REQUEST);
        const { restore } = openOn(disk).recovered;
        assert.equal(restore.lastIndex, 1);
        assert.equal(restore.id, 1);
        assert.deepEqual(restore.configurationEntries, [putEntry(1)]);
      }
    }
    assert.deepEqual([...found].sort(), ["blank", "member"]);
  });
});

interface Life {
  /** Acknowledged. */
  entries: Entry[];
  /** An append that was not acknowledged yet when the power failed. */
  pending: readonly Entry[];
  applied: number;
  term: number;
}

/** One random request; what was acknowledged is noted in `life`. */
const work = (test: TestStore, life: Life, random: () => number): void => {
  const choice = random();
  const last = life.entries.length;
  if (choice < 0.55) {
    const isConflict = random() < 0.2 && last > life.applied + 1;
    const from = isConflict ? life.applied + 1 + Math.floor(random() * (last - life.applied)) : 0;
    const first = isConflict ? from : last + 1;
    if (isConflict || random() < 0.1) life.term += 1;
    const options = { term: life.term, valueBytes: Math.floor(random() * 400) };
    const fresh = putEntries(first, first + Math.floor(random() * 6), options);
    life.pending = fresh;
    // Some of what is durable is applied beside the sync.
    const index = Math.min(life.applied + Math.floor(random() * 3), first - 1);
    if (index > life.applied) {
      test.store.apply(toLogIndex(index), () => {
        life.applied = index;
      });
    }
    if (!append(test, fresh, life.term)) return;
    life.entries = replaced(life.entries, fresh);
    life.pending = [];
  } else if (choice < 0.85 && last > life.applied) {
    const index = life.applied + 1 + Math.floor(random() * (last - life.applied));
    const applied = apply(test, index);
    if (applied !== undefined) life.applied = index;
  } else if (life.applied > 0) {
    compact(test, Math.ceil(random() * life.applied));
  }
};

const replaced = (entries: readonly Entry[], fresh: readonly Entry[]): Entry[] => [
  ...entries.slice(0, (fresh[0]?.index ?? entries.length + 1) - 1),
  ...fresh,
];

const textOf = (entries: readonly Entry[]): string =>
  entries.map(({ index, term, data }) => `${index}/${term}/${data.length}`).join(" ");

/** The log holds what was acknowledged, with the append under way or without; the state fits. */
const checkLife = (test: TestStore, life: Life): void => {
  const { restore, summary } = test.recovered;
  const base = restore.compactedIndex;
  const found = read(test, base + 1, restore.lastIndex) ?? [];
  const before = life.entries.slice(0, (life.pending[0]?.index ?? life.entries.length + 1) - 1);
  const allowed = [life.entries, replaced(life.entries, life.pending), before];
  const texts = allowed.map((entries) => textOf(entries.slice(base)));
  assert.ok(texts.includes(textOf(found)), `${textOf(found)} is none of\n${texts.join("\n")}`);
  assert.ok(base <= life.applied);
  life.entries = [...life.entries.slice(0, base), ...found];
  life.pending = [];
  assert.equal(summary.hash, hashAfter(life.entries, summary.appliedIndex));
  assert.equal(apply(test, life.applied)?.summary.hash, hashAfter(life.entries, life.applied));
};

describe("store over power cuts", () => {
  it("keeps what was acknowledged, and log and state of one history", () => {
    let crashes = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = seededRandom(seed);
      const disk = newDisk(seed * 31);
      const life: Life = { entries: [putEntry(1)], pending: [], applied: 0, term: 1 };
      let test = openOn(disk);
      for (let round = 0; round < 8; round += 1) {
        disk.files.crashAfter(1 + Math.floor(random() * 40));
        for (let n = 0; n < 60 && !test.isDown(); n += 1) work(test, life, random);
        test.kill();
        crashes += 1;
        test = reopen(disk, random);
        checkLife(test, life);
      }
    }
    assert.equal(crashes, 480);
  });
});

/** A store that is ahead, and its snapshot at entry 40 of term 3. */
const leader = (): { entries: readonly Entry[]; snapshot: ReturnType<typeof exportFrom> } => {
  const test = openOn(newDisk(5));
  const entries = [putEntry(1), ...putEntries(2, 40, { term: 3 })];
  append(test, entries.slice(1), 3);
  apply(test, 40);
  return { entries, snapshot: exportFrom(test) };
};

describe("snapshot install", () => {
  it("takes the place of state and log", () => {
    const { entries, snapshot } = leader();
    const disk = newDisk(6);
    const test = openOn(disk);
    append(test, putEntries(2, 9, { term: 2 }), 2);
    apply(test, 5);
    assert.ok(installInto(test, snapshot));
    assert.ok(append(test, putEntries(41, 45, { term: 3 }), 3));
    assert.equal(apply(test, 42)?.summary.appliedIndex, 42);
    const after = reopen(disk, () => 1);
    const { restore, summary } = after.recovered;
    assert.deepEqual([restore.compactedIndex, restore.compactedTerm], [40, 3]);
    assert.equal(restore.lastIndex, 45);
    assert.equal(
      summary.hash,
      hashAfter([...entries, ...putEntries(41, 45, { term: 3 })], summary.appliedIndex),
    );
  });

  it("keeps the log when it holds the snapshot's last entry", () => {
    const { entries, snapshot } = leader();
    const disk = newDisk(6);
    const test = openOn(disk);
    append(test, [...entries.slice(1), ...putEntries(41, 50, { term: 3 })], 3);
    assert.ok(installInto(test, snapshot));
    const { restore, summary } = reopen(disk, () => 1).recovered;
    assert.deepEqual([restore.compactedIndex, restore.lastIndex], [0, 50]);
    assert.equal(summary.appliedIndex, 40);
  });

  it("refuses a damaged or incomplete snapshot and changes nothing", () => {
    const { snapshot } = leader();
    const damaged = snapshot.chunks.map((chunk) => chunk.slice());
    const [first] = damaged;
    if (first !== undefined) first[20] = (first[20] ?? 0) ^ 1;
    for (const chunks of [damaged, snapshot.chunks.slice(0, -1), []]) {
      const disk = newDisk(6);
      const test = openOn(disk);
      append(test, putEntries(2, 9, { term: 2 }), 2);
      apply(test, 5);
      assert.equal(installInto(test, { ...snapshot, chunks }), false);
      assert.ok(append(test, putEntries(10, 11, { term: 2 }), 2));
      const { restore, summary } = reopen(disk, () => 1).recovered;
      assert.equal(restore.lastIndex, 11);
      assert.ok(summary.appliedIndex <= 5);
    }
  });
});

describe("snapshot install over power cuts", () => {
  it("is there whole or not at all, wherever the power fails", () => {
    const { entries, snapshot } = leader();
    const outcomes = new Set<string>();
    for (let operation = 1; operation <= 30; operation += 1) {
      for (let seed = 1; seed <= 12; seed += 1) {
        const disk = newDisk(seed * 1000 + operation);
        const test = openOn(disk);
        const own = [putEntry(1), ...putEntries(2, 9, { term: 2 })];
        append(test, own.slice(1), 2);
        apply(test, 5);
        disk.files.crashAfter(operation);
        const isReported = installInto(test, snapshot);
        test.kill();
        const { restore, summary } = reopen(disk, seededRandom(seed)).recovered;
        const isInstalled = summary.appliedIndex === 40;
        outcomes.add(`${isReported}/${isInstalled}`);
        assert.ok(isInstalled || !isReported, "what was reported is there");
        const last = isInstalled ? 40 : 9;
        assert.equal(restore.lastIndex, last);
        assert.equal(restore.compactedIndex, isInstalled ? 40 : 0);
        const history = isInstalled ? entries : own;
        assert.equal(summary.hash, hashAfter(history, summary.appliedIndex));
      }
    }
    assert.deepEqual([...outcomes].sort(), ["false/false", "false/true", "true/true"]);
  });
});
