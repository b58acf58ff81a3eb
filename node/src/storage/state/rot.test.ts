/** Rot in the state: whoever reads a row that cannot be read is told so, nobody is told wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toRevision } from "../../kv/index.ts";
import { StorageError } from "../errors.ts";
import { MemoryEngine } from "./memory-engine.ts";
import {
  assertSame,
  bytes,
  commandEntry,
  ORIGIN,
  put,
  readerOf,
  remove,
} from "./state.test-kit.ts";
import { StateStore } from "./state-store.ts";

const KEYS = ["a", "b", "c"].map(bytes);
const EVERYTHING = {
  start: bytes("a"),
  end: new Uint8Array(0),
  limit: 100,
  bytesMax: 10_000,
  keysOnly: false,
  countMax: 100,
} as const;

const applyAll = (state: StateStore): StateStore => {
  const commands = [put("a", "1"), put("b", "2"), put("a", "3"), put("c", "4"), remove("b")];
  state.apply(
    commands.map((command, n) => commandEntry(n + 1, command)),
    ORIGIN,
  );
  return state;
};

/** Every read there is, by what it asks. */
const reads = (engine: MemoryEngine): ReadonlyMap<string, () => unknown> => {
  const reader = readerOf(engine);
  const found = new Map<string, () => unknown>();
  for (const [n, key] of KEYS.entries()) found.set(`key ${n}`, () => reader.getMany([key]));
  for (const revision of [1, 2, 3, 4, 5].map(toRevision)) {
    for (const [n, key] of KEYS.entries()) {
      found.set(`key ${n} at ${revision}`, () => reader.getAt(key, revision));
    }
    found.set(`all at ${revision}`, () => reader.scan({ ...EVERYTHING, revision }));
  }
  return found;
};

const answerOf = async (read: () => unknown): Promise<unknown> => {
  try {
    return await read();
  } catch (error) {
    assert.ok(error instanceof StorageError && error.code === "CORRUPT", String(error));
    return "refused";
  }
};

test("with any one row rotten every read is right or refused", async () => {
  const sound = new MemoryEngine("sound");
  applyAll(StateStore.open(sound));
  const rows = sound.approximateBytes();
  let refused = 0;
  for (let row = 0; row < rows; row += 1) {
    const engine = new MemoryEngine("rotten");
    applyAll(StateStore.open(engine));
    engine.rot((row + 0.5) / rows);
    for (const [what, read] of reads(engine)) {
      const answer = await answerOf(read);
      if (answer === "refused") refused += 1;
      else assertSame(answer, await reads(sound).get(what)?.(), `${what}, row ${row}`);
    }
  }
  assert.ok(refused > rows, `${refused} reads refused over ${rows} rows`);
});
