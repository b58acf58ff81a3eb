// A model of the log against the log itself, with a crash at every operation that changes the disk:
// every acknowledged append survives, and what was not acknowledged is there whole or not at all.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Entry, type HardState, toNodeId, toTerm } from "../../raft/index.ts";
import { seededRandom } from "../seeded-random.test-kit.ts";
import { SimulatedCrash } from "../simulated-files.ts";
import { packEntries } from "./entry-block.ts";
import { entries, NO_VOTE, newLog, openLog, readAll, type TestLog } from "./log.test-kit.ts";
import type { SegmentedLog } from "./log.ts";

/** What a correct log holds. */
interface Model {
  readonly hardState: HardState;
  readonly baseTerm: number;
  readonly base: number;
  /** Up to here the log may have dropped entries; lazily, and a crash may bring them back. */
  readonly trimmed: number;
  readonly list: readonly Entry[];
}

interface Step {
  readonly act: (log: SegmentedLog) => void;
  /** What is there after the step; the first is the acknowledged outcome. */
  readonly after: readonly Model[];
}

const lastOf = (model: Model): number => model.base + model.list.length;
const upTo = (model: Model, index: number): Model => ({
  ...model,
  list: model.list.slice(0, Math.max(0, index - model.base)),
});

const appendStep = (model: Model, random: () => number): Step => {
  const isConflict = random() < 0.25 && model.list.length > 1;
  const from = isConflict ? lastOf(model) - Math.floor(random() * 3) : lastOf(model) + 1;
  const first = Math.max(from, model.base + 1, model.trimmed + 1);
  const term = model.hardState.currentTerm + (isConflict || random() < 0.2 ? 1 : 0);
  const hardState = {
    currentTerm: toTerm(term),
    votedFor: random() < 0.5 ? null : toNodeId(1 + Math.floor(random() * 3)),
  };
  const count = random() < 0.1 ? 0 : 1 + Math.floor(random() * 4);
  const list = entries(first, first + count - 1, term, Math.floor(random() * 900));
  const cut = count === 0 ? model : upTo(model, first - 1);
  return {
    act: (log) => log.append(hardState, count === 0 ? [] : [packEntries(list)]),
    after: [{ ...cut, hardState, list: [...cut.list, ...list] }, model, cut],
  };
};

const trimStep = (model: Model, random: () => number): Step => {
  const index = model.base + Math.floor(random() * (model.list.length + 1));
  return {
    act: (log) => log.trim(index),
    after: [{ ...model, trimmed: Math.max(model.trimmed, index) }],
  };
};

const resetStep = (model: Model, random: () => number): Step => {
  const applied = Math.max(model.base, model.trimmed);
  const base = applied + 1 + Math.floor(random() * (lastOf(model) - applied + 10));
  const baseTerm = model.hardState.currentTerm;
  return {
    act: (log) => log.reset(base, baseTerm),
    after: [{ ...model, base, baseTerm, list: [] }, model],
  };
};

const nextStep = (model: Model, random: () => number): Step => {
  const choice = random();
  if (choice < 0.85) return appendStep(model, random);
  return choice < 0.95 ? trimStep(model, random) : resetStep(model, random);
};

/** How the log differs from the model, "" when it does not: what is trimmed may still be there. */
const difference = (log: SegmentedLog, model: Model): string => {
  const bounds = `${log.baseIndex}..${log.lastIndex}`;
  const allowed = `${model.base}-${Math.max(model.base, model.trimmed)}..${lastOf(model)}`;
  const isBounded =
    log.baseIndex >= model.base && log.baseIndex <= Math.max(model.base, model.trimmed);
  if (log.lastIndex !== lastOf(model) || !isBounded) return `holds ${bounds} not ${allowed}`;
  const before = model.list[log.baseIndex - model.base - 1]?.term ?? model.baseTerm;
  const expected = textOf(model.hardState, before, model.list.slice(log.baseIndex - model.base));
  const found = textOf(log.hardState, log.baseTerm, readAll(log));
  return found === expected ? "" : `${found} is not ${expected}`;
};

const textOf = (hardState: HardState, baseTerm: number, list: readonly Entry[]): string => {
  const rows = list.map(({ index, term, type, data }) => {
    return `${index}:${term}:${type}:${data.length}:${data[0]}:${data.at(-1)}`;
  });
  return [`${hardState.currentTerm}/${hardState.votedFor}`, `base ${baseTerm}`, ...rows].join(" ");
};

interface Run {
  readonly test: TestLog;
  readonly random: () => number;
  model: Model;
  crashes: number;
}

/** One step, then a check; a crash in it must leave one of the outcomes that it allows. */
const takeStep = (run: Run): void => {
  const { test, random } = run;
  const step = nextStep(run.model, random);
  if (random() < 0.4) test.files.crashAfter(1 + Math.floor(random() * 6));
  try {
    step.act(test.log);
    run.model = step.after[0] ?? run.model;
    assert.equal(difference(test.log, run.model), "");
    if (random() < 0.8) return;
    test.files.crash();
    test.log = openLog(test.files, test.options);
    assert.equal(difference(test.log, run.model), "");
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
    recover(run, step);
  }
};

/** The power may fail again, and again, while the log is opened. */
const recover = (run: Run, step: Step): void => {
  const { test, random } = run;
  for (;;) {
    run.crashes += 1;
    test.files.crash();
    if (random() < 0.3) test.files.crashAfter(1 + Math.floor(random() * 3));
    try {
      test.log = openLog(test.files, test.options);
      break;
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
    }
  }
  const found = step.after.find((model) => difference(test.log, model) === "");
  assert.ok(found !== undefined, "a crash leaves the log before or after the step");
  run.model = found;
};

describe("segmented log against its model", () => {
  it("survives crashes at any operation, thousands of times", () => {
    let crashes = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = seededRandom(seed);
      const zeroFillBytes = seed % 3 === 0 ? 64 : 2048;
      const test = newLog(seed * 7919, { segmentBytes: 4096, zeroFillBytes });
      const model = { hardState: NO_VOTE, base: 0, baseTerm: 0, trimmed: 0, list: [] };
      const run: Run = { test, random, model, crashes: 0 };
      try {
        for (let n = 0; n < 80; n += 1) takeStep(run);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      }
      crashes += run.crashes;
    }
    assert.ok(crashes > 1000, `only ${crashes} crashes`);
  });
});
