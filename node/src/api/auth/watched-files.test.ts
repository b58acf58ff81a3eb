import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, makeRecordingLog, type RecordingLog, silentLog } from "./auth.test-kit.ts";
import { loadWatched, type WatchedFiles, type WatchedSource } from "./watched-files.ts";

/** Long, so that only `poll` looks. */
const intervalMs = 3_600_000;

function numberIn(file: string): WatchedSource<number> {
  return {
    name: "number",
    read: async () => {
      const text = await readFile(file, "utf8");
      return {
        digest: text,
        make: () => {
          if (!/^\d+$/.test(text)) throw new Error(`${file} holds no number`);
          return Number(text);
        },
      };
    },
  };
}

async function watchNumber(
  file: string,
  log: RecordingLog = makeRecordingLog(),
): Promise<{ watch: WatchedFiles<number>; changes: number[]; log: RecordingLog }> {
  const watch = await loadWatched(numberIn(file), { intervalMs, settleMs: 0, log });
  const changes: number[] = [];
  watch.start(() => changes.push(watch.current()));
  return { watch, changes, log };
}

test("new content is used, and told once", async () => {
  using folder = makeFolder();
  const file = folder.write("n", "1");
  const { watch, changes } = await watchNumber(file);
  await watch.poll();
  assert.deepEqual(changes, []);
  writeFileSync(file, "2");
  await watch.poll();
  await watch.poll();
  assert.deepEqual(changes, [2]);
  assert.deepEqual(watch.counters(), { reloads: 1, failures: 0, stale: false });
  watch.close();
});

test("bad content keeps the old value, is counted and logged once until it changes", async () => {
  using folder = makeFolder();
  const file = folder.write("n", "1");
  const { watch, changes, log } = await watchNumber(file);
  writeFileSync(file, "many");
  await watch.poll();
  await watch.poll();
  assert.equal(watch.current(), 1);
  assert.deepEqual(watch.counters(), { reloads: 0, failures: 2, stale: true });
  assert.equal(log.lines.filter((line) => line.includes("refused")).length, 1);
  rmSync(file);
  await watch.poll();
  assert.equal(watch.current(), 1);
  assert.match(log.lines.at(-1) ?? "", /ENOENT/);
  writeFileSync(file, "3");
  await watch.poll();
  assert.deepEqual(changes, [3]);
  assert.equal(watch.counters().stale, false);
  watch.close();
});

test("a file put back to what is in use is no longer stale", async () => {
  using folder = makeFolder();
  const file = folder.write("n", "1");
  const { watch, changes } = await watchNumber(file);
  writeFileSync(file, "many");
  await watch.poll();
  writeFileSync(file, "1");
  await watch.poll();
  assert.equal(watch.counters().stale, false);
  assert.deepEqual(changes, []);
  watch.close();
});

test("the symlink swap of a Kubernetes volume is seen", async () => {
  using folder = makeFolder();
  const at = (name: string): string => join(folder.path, name);
  const publish = (version: string, content: string): void => {
    mkdirSync(at(version));
    writeFileSync(join(at(version), "n"), content);
    symlinkSync(version, at("..data_tmp"));
    renameSync(at("..data_tmp"), at("..data"));
  };
  publish("..v1", "1");
  symlinkSync("..data/n", at("n"));
  const { watch, changes } = await watchNumber(at("n"));
  publish("..v2", "2");
  rmSync(at("..v1"), { recursive: true });
  await watch.poll();
  assert.deepEqual(changes, [2]);
  watch.close();
});

test("content that is still being written is left for the next look", async () => {
  let reads = 0;
  const source: WatchedSource<number> = {
    name: "growing",
    read: async () => {
      reads += 1;
      const digest = reads === 1 ? "first" : reads < 4 ? `part ${reads}` : "whole";
      return { digest, make: () => reads };
    },
  };
  const watch = await loadWatched(source, { intervalMs, settleMs: 0, log: silentLog });
  const changes: number[] = [];
  watch.start(() => changes.push(watch.current()));
  await watch.poll();
  assert.deepEqual(changes, [], "two readings differ");
  await watch.poll();
  assert.equal(changes.length, 1, "two readings agree");
  watch.close();
});

test("polls that are asked for together are one", async () => {
  using folder = makeFolder();
  const file = folder.write("n", "1");
  const { watch, changes } = await watchNumber(file);
  writeFileSync(file, "2");
  await Promise.all([watch.poll(), watch.poll(), watch.poll()]);
  assert.deepEqual(changes, [2]);
  watch.close();
});

test("a first load that fails is thrown: nothing is watched", async () => {
  using folder = makeFolder();
  const file = folder.write("n", "none");
  await assert.rejects(watchNumber(file), /holds no number/);
});

test("the files are looked at by themselves every interval", async () => {
  using folder = makeFolder();
  const file = folder.write("n", "1");
  const options = { intervalMs: 5, settleMs: 0, log: silentLog };
  const watch = await loadWatched(numberIn(file), options);
  const changed = new Promise<void>((resolve) => watch.start(resolve));
  writeFileSync(file, "2");
  // The timer must not keep a process alive, so the test does.
  const alive = setInterval(() => {}, 1000);
  await changed.finally(() => {
    clearInterval(alive);
    watch.close();
  });
  assert.equal(watch.current(), 2);
});
