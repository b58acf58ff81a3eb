// What the store does beside a sync, and what must wait for it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Entry, toLogIndex, toTerm } from "../raft/index.ts";
import {
  append,
  apply,
  hashAfter,
  newDisk,
  openOn,
  putEntries,
  putEntry,
  type TestStore,
} from "./store.test-kit.ts";

/** Asks for all at once and notes the order of the answers. */
const orderOf = (
  test: TestStore,
  requests: readonly ({ readonly append: readonly Entry[] } | { readonly apply: number })[],
): readonly string[] => {
  const order: string[] = [];
  for (const request of requests) {
    if ("append" in request) {
      const entries = request.append;
      const hardState = { currentTerm: toTerm(2), votedFor: null };
      test.store.append({ hardState, entries }, () =>
        order.push(`durable ${entries.at(-1)?.index}`),
      );
    } else {
      test.store.apply(toLogIndex(request.apply), ({ summary }) => {
        order.push(`applied ${summary.appliedIndex}`);
      });
    }
  }
  test.runtime.run();
  return order;
};

const started = (): { readonly test: TestStore; readonly history: readonly Entry[] } => {
  const test = openOn(newDisk(1));
  const history = [putEntry(1), ...putEntries(2, 9)];
  append(test, history.slice(1), 2);
  apply(test, 3);
  return { test, history };
};

describe("the order of the store", () => {
  it("applies what is durable while the next group is on its way to the disk", () => {
    const { test } = started();
    const order = orderOf(test, [
      { append: putEntries(10, 12, { term: 2 }) },
      { apply: 6 },
      { append: putEntries(13, 14, { term: 2 }) },
      { apply: 9 },
    ]);
    assert.deepEqual(order, ["applied 9", "applied 9", "durable 12", "durable 14"]);
  });

  it("applies nothing that is not durable on this node", () => {
    const { test } = started();
    const order = orderOf(test, [
      { append: putEntries(10, 12, { term: 2 }) },
      { apply: 6 },
      { apply: 11 },
      { append: putEntries(13, 14, { term: 2 }) },
      { apply: 14 },
    ]);
    assert.deepEqual(order, ["applied 6", "durable 12", "durable 14", "applied 14", "applied 14"]);
  });

  it("never applies an entry that an append before it replaces", () => {
    const { test, history } = started();
    const fresh = putEntries(8, 9, { term: 2, valueBytes: 5 });
    const order = orderOf(test, [{ append: fresh }, { apply: 7 }, { apply: 9 }]);
    assert.deepEqual(order, ["applied 7", "durable 9", "applied 9"]);
    const expected = hashAfter([...history.slice(0, 7), ...fresh], 9);
    assert.equal(apply(test, 9)?.summary.hash, expected);
  });

  it("puts a replacement of entries that wait into a frame of its own", () => {
    const disk = newDisk(2);
    const test = openOn(disk);
    const fresh = putEntries(3, 4, { term: 2 });
    orderOf(test, [
      { append: putEntries(2, 6) },
      { append: fresh },
      { append: putEntries(5, 5, { term: 2 }) },
      { apply: 5 },
    ]);
    test.kill();
    disk.crash();
    const again = openOn(disk);
    assert.equal(again.recovered.restore.lastIndex, 5);
    const history = [putEntry(1), putEntry(2), ...fresh, putEntry(5, { term: 2 })];
    assert.equal(apply(again, 5)?.summary.hash, hashAfter(history, 5));
  });
});
