/** What every engine must do, run by each adapter's test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../seeded-random.test-kit.ts";
import type { Engine, EngineIterator, EngineRange } from "./engine.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString("latin1");

const put = (engine: Engine, rows: Readonly<Record<string, string>>, sync = false): void => {
  const batch = engine.createBatch();
  for (const [key, value] of Object.entries(rows)) batch.put(bytes(key), bytes(value));
  engine.write(batch, { sync });
};

const all: EngineRange = { start: bytes("\0"), end: bytes("\xff\xff") };

const drain = (rows: EngineIterator, rowsMax: number): string[] => {
  const found: string[] = [];
  for (let batch = rows.next(rowsMax); batch.length > 0; batch = rows.next(rowsMax)) {
    assert.ok(batch.length <= rowsMax);
    found.push(...batch.map(({ key, value }) => `${text(key)}=${text(value)}`));
  }
  assert.deepEqual(rows.next(1), [], "a finished walk stays finished");
  return found;
};

const walk = (engine: Engine, range: EngineRange, rowsMax = 2): string[] => {
  const rows = engine.iterate(range);
  try {
    return drain(rows, rowsMax);
  } finally {
    rows.close();
    rows.close();
  }
};

const cases: Readonly<Record<string, (engine: Engine) => void>> = {
  "what is written is read, what is not is undefined": (engine) => {
    put(engine, { a: "1", "a\0": "2", "\xff": "" });
    const keys = ["a", "a\0", "\xff", "b"].map(bytes);
    assert.deepEqual(engine.getMany(keys).map(text), ["1", "2", "", undefined]);
    assert.deepEqual(engine.getMany([]), []);
    put(engine, { a: "3" });
    assert.equal(text(engine.getMany([bytes("a")])[0]), "3");
  },
  "a batch copies its bytes, applies in order and is empty afterwards": (engine) => {
    const batch = engine.createBatch();
    const key = bytes("k");
    const value = bytes("v");
    batch.put(key, value);
    key[0] = 0;
    value[0] = 0;
    batch.put(bytes("gone"), bytes("x"));
    batch.delete(bytes("gone"));
    assert.deepEqual([batch.operations, batch.bytes], [3, 11]);
    engine.write(batch, { sync: true });
    assert.deepEqual([batch.operations, batch.bytes], [0, 0]);
    assert.deepEqual(walk(engine, all), ["k=v"]);
    engine.write(batch, { sync: false });
    batch.delete(bytes("k"));
    engine.write(batch, { sync: false });
    assert.deepEqual(walk(engine, all), []);
  },
  "a walk keeps its bounds, its order and its batch sizes": (engine) => {
    put(engine, { a: "1", "a\0": "2", b: "3", c: "4", d: "5" });
    const range = { start: bytes("a\0"), end: bytes("d") };
    const rows = ["a\0=2", "b=3", "c=4"];
    for (const rowsMax of [1, 2, 3, 100]) {
      assert.deepEqual(walk(engine, range, rowsMax), rows);
      assert.deepEqual(walk(engine, { ...range, reverse: true }, rowsMax), rows.toReversed());
    }
    assert.deepEqual(walk(engine, { ...range, values: false }), ["a\0=", "b=", "c="]);
    assert.deepEqual(walk(engine, { start: bytes("x"), end: bytes("y") }), []);
    assert.deepEqual(walk(engine, { start: bytes("c"), end: bytes("a") }), []);
    const tight = engine.iterate({ ...range, batchBytesMax: 1 });
    assert.equal(tight.next(100).length, 1, "a batch ends once it has passed its bytes");
    tight.close();
  },
  "a walk can be placed again, also after its end": (engine) => {
    put(engine, { a: "1", c: "2", e: "3", g: "4" });
    const rows = engine.iterate({ start: bytes("b"), end: bytes("g") });
    assert.deepEqual(drain(rows, 2), ["c=2", "e=3"]);
    rows.seek(bytes("d"));
    assert.deepEqual(drain(rows, 2), ["e=3"]);
    rows.seek(bytes("a"));
    assert.deepEqual(drain(rows, 2), ["c=2", "e=3"], "a target before the range is its start");
    rows.seek(bytes("x"));
    assert.deepEqual(drain(rows, 2), []);
    rows.close();
    const reversed = engine.iterate({ start: bytes("b"), end: bytes("g"), reverse: true });
    reversed.seek(bytes("d"));
    assert.deepEqual(drain(reversed, 2), ["c=2"]);
    reversed.seek(bytes("e"));
    assert.deepEqual(drain(reversed, 2), ["e=3", "c=2"]);
    reversed.close();
  },
  "a walk sees the moment it was opened at": (engine) => {
    put(engine, { a: "1", b: "2", c: "3" });
    const rows = engine.iterate(all);
    assert.equal(rows.next(1).length, 1);
    const batch = engine.createBatch();
    batch.delete(bytes("b"));
    batch.put(bytes("c"), bytes("new"));
    batch.put(bytes("d"), bytes("new"));
    engine.write(batch, { sync: true });
    assert.deepEqual(drain(rows, 10), ["b=2", "c=3"]);
    rows.seek(bytes("b"));
    assert.deepEqual(drain(rows, 10), ["b=2", "c=3"]);
    rows.close();
    assert.throws(() => rows.next(1));
    assert.deepEqual(walk(engine, all), ["a=1", "c=new", "d=new"]);
  },
  "a range of rows goes at once, its end does not, and a walk keeps it": (engine) => {
    put(engine, { a: "1", b: "2", "b\0": "3", c: "4", d: "5" });
    const rows = engine.iterate(all);
    engine.deleteRange(bytes("b"), bytes("d"));
    engine.deleteRange(bytes("x"), bytes("y"));
    engine.deleteRange(bytes("d"), bytes("a"));
    assert.deepEqual(drain(rows, 10), ["a=1", "b=2", "b\0=3", "c=4", "d=5"]);
    rows.close();
    assert.deepEqual(walk(engine, all), ["a=1", "d=5"]);
    assert.deepEqual(walk(engine, { ...all, reverse: true }), ["d=5", "a=1"]);
    put(engine, { c: "new" });
    assert.deepEqual(engine.getMany(["b", "c", "d"].map(bytes)).map(text), [undefined, "new", "5"]);
  },
  "random batches leave what a plain map holds": (engine) => {
    const random = seededRandom(11);
    const model = new Map<string, string>();
    for (let round = 0; round < 200; round += 1) {
      const batch = engine.createBatch();
      for (let n = 0; n < 10; n += 1) {
        const key = String.fromCharCode(1 + random() * 250, random() * 3);
        if (random() < 0.3) {
          batch.delete(bytes(key));
          model.delete(key);
        } else {
          batch.put(bytes(key), bytes(`${round}`));
          model.set(key, `${round}`);
        }
      }
      engine.write(batch, { sync: random() < 0.1 });
    }
    const expected = [...model].map(([key, value]) => `${key}=${value}`).toSorted();
    assert.deepEqual(walk(engine, all, 7), expected);
    assert.deepEqual(walk(engine, { ...all, reverse: true }, 7), expected.toReversed());
    assert.ok(engine.approximateBytes() > 0);
  },
};

/** @param withEngine opens a fresh engine, runs the body and cleans up whatever happened */
export const testEngineContract = (
  name: string,
  withEngine: (body: (engine: Engine) => void) => Promise<void>,
): void => {
  for (const [behaviour, body] of Object.entries(cases)) {
    test(`${name}: ${behaviour}`, () => withEngine(body));
  }
};
