import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { StorageError } from "./errors.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "./rocksdb.ts";
import { testEngineContract } from "./state/engine-contract.test-kit.ts";

const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "kvcluster-rocksdb-"));

const tempFolder = async (context: TestContext): Promise<string> => {
  const folder = await makeFolder();
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

testEngineContract("rocksdb", async (body) => {
  const folder = await makeFolder();
  try {
    const engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
    try {
      body(engine);
    } finally {
      await engine.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const ROWS = 20_000;
const SMALL = { ...ROCKS_DEFAULTS, memtableBytes: 256 * 1024, cacheBytes: 64 * 1024 };
const rowKey = (n: number): Uint8Array => Buffer.from(`key ${n.toString().padStart(6, "0")}`);
const rowValue = (n: number): Uint8Array => Buffer.from(`value of ${n}. `.repeat(8));

const fill = async (folder: string): Promise<void> => {
  const engine = await RocksEngine.open(folder, SMALL);
  const batch = engine.createBatch();
  for (let n = 0; n < ROWS; n += 1) {
    batch.put(rowKey(n), rowValue(n));
    if (n % 100 === 99) engine.write(batch, { sync: false });
  }
  await engine.close();
};

test("a second opener of the same folder is refused and told why", async (context) => {
  const folder = await tempFolder(context);
  const engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
  try {
    await assert.rejects(
      RocksEngine.open(folder, ROCKS_DEFAULTS),
      (error) => error instanceof StorageError && error.code === "LOCKED",
    );
  } finally {
    await engine.close();
  }
});

test("flipped bytes in a table file are an error that names it, never other data", async (t) => {
  const folder = await tempFolder(t);
  await fill(folder);
  const tables = readdirSync(folder).filter((name) => name.endsWith(".sst"));
  assert.ok(tables.length > 0, "the test needs rows in table files");
  for (const name of tables) damage(join(folder, name));
  // Damage in a table's index or footer may already be found when the folder is opened.
  const opened = await RocksEngine.open(folder, SMALL).catch((error: unknown) => error);
  if (!(opened instanceof RocksEngine)) {
    assertNamesTable(opened, tables);
    return;
  }
  try {
    let refused = 0;
    for (let n = 0; n < ROWS; n += 97) {
      try {
        assert.deepEqual(opened.getMany([rowKey(n)]), [rowValue(n)]);
      } catch (error) {
        assertNamesTable(error, tables);
        refused += 1;
      }
    }
    assert.ok(refused > 10, `only ${refused} reads met the damage`);
    const rows = opened.iterate({ start: Uint8Array.of(0), end: Uint8Array.of(255) });
    assert.throws(
      () => {
        for (let n = 0; n < ROWS; n += 1) rows.next(1000);
      },
      (error) => {
        assertNamesTable(error, tables);
        return true;
      },
    );
    rows.close();
  } finally {
    await opened.close();
  }
});

/** Flips one bit in every second block of the first half: data, not the index at the end. */
const damage = (path: string): void => {
  const bytes = readFileSync(path);
  for (let at = 1000; at < bytes.length / 2; at += 8 * 1024) bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
};

const assertNamesTable = (error: unknown, tables: readonly string[]): void => {
  assert.ok(error instanceof StorageError, String(error));
  assert.equal(error.code, "CORRUPT");
  assert.ok(
    tables.some((name) => error.message.includes(name)),
    error.message,
  );
};

test("a table file that is missing or cut is found when the folder is opened", async (context) => {
  for (const spoil of [
    (path: string): void => rmSync(path),
    (path: string): void => {
      writeFileSync(path, readFileSync(path).subarray(0, statSync(path).size - 100));
    },
  ]) {
    const folder = await tempFolder(context);
    await fill(folder);
    const [table = ""] = readdirSync(folder).filter((name) => name.endsWith(".sst"));
    spoil(join(folder, table));
    await assert.rejects(RocksEngine.open(folder, SMALL), (error) => {
      assertNamesTable(error, [table]);
      return true;
    });
  }
});

test("a folder may change between the two ways of merging its files", async (t) => {
  const folder = await tempFolder(t);
  for (const [round, compaction] of (["level", "universal", "level"] as const).entries()) {
    const engine = await RocksEngine.open(folder, { ...SMALL, compaction });
    try {
      const batch = engine.createBatch();
      for (let n = round; n < ROWS; n += 3) {
        batch.put(rowKey(n), rowValue(n));
        if (n % 100 === 99) engine.write(batch, { sync: false });
      }
      engine.write(batch, { sync: false });
      for (let n = 0; n < ROWS; n += 1) {
        const expected = n % 3 <= round ? rowValue(n) : undefined;
        assert.deepEqual(engine.getMany([rowKey(n)]), [expected], `row ${n} in round ${round}`);
      }
    } finally {
      await engine.close();
    }
  }
});

test("another thread reads through the handle what this one writes", async (context) => {
  const folder = await tempFolder(context);
  const engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
  try {
    const batch = engine.createBatch();
    batch.put(Uint8Array.of(1), Uint8Array.of(42));
    engine.write(batch, { sync: false });
    const reader = await RocksEngine.attach(folder, engine.handle);
    assert.equal(reader.getMany([Uint8Array.of(1)])[0]?.[0], 42);
    batch.put(Uint8Array.of(1), Uint8Array.of(43));
    assert.throws(() => reader.write(batch, { sync: false }), /only the thread that opened/);
    await reader.close();
    assert.throws(() => reader.getMany([Uint8Array.of(1)]), /closed/);
    assert.equal(engine.getMany([Uint8Array.of(1)])[0]?.[0], 42, "the owner is still open");
    assert.equal(await readInThread(folder, engine.handle), 42);
  } finally {
    await engine.close();
  }
  assert.throws(() => engine.getMany([Uint8Array.of(1)]), /closed/);
});

const readInThread = (folder: string, handle: bigint): Promise<unknown> => {
  const url = new URL("./rocksdb.ts", import.meta.url).href;
  const source = `
    import { parentPort, workerData } from "node:worker_threads";
    const { RocksEngine } = await import(workerData.url);
    const engine = await RocksEngine.attach(workerData.folder, workerData.handle);
    parentPort.postMessage(engine.getMany([Uint8Array.of(1)])[0][0]);
    await engine.close();`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { url, folder, handle },
  });
  return new Promise((resolve, reject) => {
    let answer: unknown;
    worker.once("message", (message) => {
      answer = message;
    });
    worker.once("error", reject);
    worker.once("exit", () => resolve(answer));
  });
};
