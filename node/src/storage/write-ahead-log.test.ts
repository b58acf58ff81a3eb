import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { StorageError } from "./errors.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "./rocksdb.ts";
import { writeBackNewestLog } from "./write-ahead-log.ts";

const tempFolder = (context: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-write-back-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const writeBack = (folder: string): Promise<unknown> =>
  new Promise((resolve) => writeBackNewestLog(folder, resolve));

test("the log of an open database is written back, and its rows stay", async (context) => {
  const engine = await RocksEngine.open(join(tempFolder(context), "state"), ROCKS_DEFAULTS);
  try {
    const batch = engine.createBatch();
    batch.put(Buffer.from("key"), Buffer.from("value"));
    engine.write(batch, { sync: false });
    assert.equal(await new Promise((resolve) => engine.writeBack(resolve)), undefined);
    assert.deepEqual(engine.getMany([Buffer.from("key")]), [Buffer.from("value")]);
  } finally {
    await engine.close();
  }
});

test("of several logs the one with the largest number is synced, and nothing else", async (t) => {
  const folder = tempFolder(t);
  // A link to itself cannot be opened, by nobody: it shows which file was chosen.
  const trap = (name: string): void => symlinkSync(name, join(folder, name));
  for (const name of ["LOG", "LOG.old.1", "000100.sst", "x9999999.log", "000009.log"]) trap(name);
  writeFileSync(join(folder, "999999.log"), "");
  assert.equal(await writeBack(folder), undefined);
  trap("1000000.log");
  const error = await writeBack(folder);
  assert.ok(error instanceof StorageError);
  assert.match(error.message, /open .*1000000\.log/);
});

test("a log that is removed meanwhile needs no sync", async (context) => {
  const folder = tempFolder(context);
  symlinkSync("nowhere", join(folder, "000001.log"));
  assert.equal(await writeBack(folder), undefined);
});

test("a database without a log has nothing to write back", async (context) => {
  assert.equal(await writeBack(tempFolder(context)), undefined);
});

test("a failed system call is an error that says what was attempted", async (context) => {
  const missing = join(tempFolder(context), "missing");
  const error = await writeBack(missing);
  assert.ok(error instanceof StorageError);
  assert.equal(error.code, "IO");
  assert.match(error.message, /list .*missing/);
});
