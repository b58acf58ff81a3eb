// The store as the driver sees it, on the real disk: worker thread, RocksDB, fdatasync.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Entry, type SnapshotMetadata, toLogIndex } from "../raft/index.ts";
import type {
  Applied,
  ScanResult,
  SnapshotSink,
  SnapshotSource,
  StateSummary,
  Store,
} from "../replica/index.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import type { StorageError } from "./errors.ts";
import { bytesOf, ORIGIN, putEntries, putEntry } from "./store.test-kit.ts";
import { type OpenedStore, openStore } from "./store.ts";
import type { StoreTiming } from "./store-client.ts";

const ADDRESSES = { peerAddress: "127.0.0.1:5101", clientAddress: "http://127.0.0.1:5001" };

const appendTo = (store: Store, entries: readonly Entry[]): Promise<void> =>
  new Promise((done) => store.append({ hardState: null, entries }, done));
const applyTo = (store: Store, index: number): Promise<Applied> =>
  new Promise((done) => store.apply(toLogIndex(index), done));
const readFrom = (store: Store, from: number, to: number): Promise<readonly Entry[]> =>
  new Promise((done) => store.readEntries(toLogIndex(from), toLogIndex(to), 1 << 20, done));

const scanAll = (store: Store): Promise<ScanResult> =>
  store.reader.scan({
    start: bytesOf("key"),
    end: bytesOf("kez"),
    revision: null,
    limit: 1000,
    bytesMax: 1 << 20,
    keysOnly: false,
    countMax: 0,
  });

interface Opened extends OpenedStore {
  readonly folder: DataFolder;
  readonly timings: StoreTiming[];
}

/** @param onFatal what to do at an error of the writing thread; by default the test run fails */
const open = async (
  path: string,
  onFatal: (error: StorageError) => void = (error) => {
    throw error;
  },
): Promise<Opened> => {
  const folder = openDataFolder(path, { name: "node-1" });
  if (folder.identity === null) folder.bootstrap(ADDRESSES);
  const timings: StoreTiming[] = [];
  try {
    const opened = await openStore({
      folder,
      origin: ORIGIN,
      onFatal,
      onTiming: (timing) => timings.push(timing),
      onNotice: () => undefined,
    });
    return { ...opened, folder, timings };
  } catch (error) {
    folder.close();
    throw error;
  }
};

const close = async (opened: Opened): Promise<void> => {
  await opened.close();
  opened.folder.close();
};

const withFolder = async (body: (path: string) => Promise<void>): Promise<void> => {
  const parent = await mkdtemp(join(tmpdir(), "kv-store-"));
  try {
    await body(join(parent, "node-1"));
  } finally {
    await rm(parent, { recursive: true });
  }
};

/** All chunks of a snapshot. */
const exportFrom = async (
  store: Store,
): Promise<{ metadata: SnapshotMetadata; chunks: Uint8Array[] }> => {
  const source = await new Promise<SnapshotSource>((done) => store.openSnapshot(done));
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await new Promise<Uint8Array | null>((done) => source.next(done));
    if (chunk === null) break;
    chunks.push(chunk);
  }
  source.close();
  return { metadata: source.metadata, chunks };
};

describe("store", () => {
  it("bootstraps, appends, applies, reads, and goes on after a restart", async () => {
    await withFolder(async (path) => {
      const first = await open(path);
      assert.equal(first.recovered.restore.lastIndex, 1);
      assert.equal(first.recovered.restore.configurationEntries.length, 1);
      await appendTo(first.store, [putEntry(2), putEntry(3, { origin: 5 })]);
      const applied = await applyTo(first.store, 3);
      assert.equal(applied.summary.appliedIndex, 3);
      assert.deepEqual(applied.settled, [
        { sequence: 2, result: { type: "put", revision: 1, created: true } },
      ]);
      const [found, none] = first.store.reader.getMany([bytesOf("key 2"), bytesOf("no key")]);
      assert.deepEqual([found?.modRevision, found?.value.length, none], [1, 30, undefined]);
      await appendTo(first.store, [putEntry(4)]);
      await close(first);

      const second = await open(path);
      const { restore, summary } = second.recovered;
      assert.equal(summary.appliedIndex, 3);
      assert.equal(restore.lastIndex, 4);
      assert.equal(restore.configuration.members[0]?.name, "node-1");
      const entries = await readFrom(second.store, 2, 4);
      assert.deepEqual(entries, [putEntry(2), putEntry(3, { origin: 5 }), putEntry(4)]);
      assert.equal((await applyTo(second.store, 4)).summary.keys, 3);
      await close(second);
    });
  });

  it("shares one sync between appends that wait, and answers each of them once", async () => {
    await withFolder(async (path) => {
      const opened = await open(path);
      const order: string[] = [];
      const { store } = opened;
      await new Promise<void>((done) => {
        for (let index = 2; index <= 101; index += 1) {
          store.append({ hardState: null, entries: [putEntry(index)] }, () => {
            order.push(`a${index}`);
          });
          store.apply(toLogIndex(index), ({ settled }) => {
            order.push(...settled.map(({ sequence }) => `s${sequence}`));
            if (index === 101) done();
          });
        }
      });
      const expected = Array.from({ length: 100 }, (_, n) => n + 2);
      assert.deepEqual(order, [...expected.map((n) => `a${n}`), ...expected.map((n) => `s${n}`)]);
      const appends = opened.timings.filter(({ type }) => type === "append");
      assert.deepEqual(
        appends.map(({ entries }) => entries),
        [100],
      );
      await close(opened);
    });
  });
});

describe("store: snapshots", () => {
  it("lets a sink that gave way to a later one do nothing to that one", async () => {
    await withFolder(async (path) => {
      const leader = await open(`${path}-leader`);
      await appendTo(leader.store, putEntries(2, 60, { valueBytes: 20_000 }));
      await applyTo(leader.store, 60);
      const { metadata, chunks } = await exportFrom(leader.store);
      await close(leader);

      const follower = await open(path);
      const { store } = follower;
      const begin = () => new Promise<SnapshotSink>((done) => store.beginInstall(metadata, done));
      const write = (to: SnapshotSink, chunk: Uint8Array) =>
        new Promise<boolean>((done) => to.write(chunk, done));
      const [first, second] = await Promise.all([begin(), begin()]);
      const [chunk, ...others] = chunks;
      assert.ok(chunk !== undefined && others.length > 0);
      assert.equal(await write(second, chunk), true);
      assert.equal(await write(first, chunk), false, "a late chunk would be out of order there");
      assert.equal(await new Promise((done) => first.install(done)), null);
      first.abort();
      for (const other of others) assert.equal(await write(second, other), true);
      const installed = await new Promise((done) => second.install(done));
      assert.notEqual(installed, null, "the late abort took the later installation away");
      await close(follower);
    });
  });

  it("takes over a snapshot, and readers move to the new state", async () => {
    await withFolder(async (path) => {
      const leader = await open(`${path}-leader`);
      await appendTo(leader.store, putEntries(2, 60, { valueBytes: 20_000 }));
      await applyTo(leader.store, 60);
      const { metadata, chunks } = await exportFrom(leader.store);
      const expected = await scanAll(leader.store);

      const follower = await open(path);
      await appendTo(follower.store, putEntries(2, 9));
      await applyTo(follower.store, 4);
      const running = scanAll(follower.store);
      const sink = await new Promise<SnapshotSink>((done) =>
        follower.store.beginInstall(metadata, done),
      );
      for (const chunk of chunks) {
        assert.equal(await new Promise<boolean>((done) => sink.write(chunk, done)), true);
      }
      const installed = await new Promise<{ readonly summary: StateSummary } | null>((done) =>
        sink.install(done),
      );
      assert.deepEqual(installed?.summary, (await applyTo(leader.store, 60)).summary);
      assert.deepEqual(await scanAll(follower.store), expected);
      assert.equal((await running).type, "page");
      await appendTo(follower.store, putEntries(61, 62));
      assert.equal((await applyTo(follower.store, 62)).summary.appliedIndex, 62);
      await close(follower);
      await close(leader);

      const again = await open(path);
      assert.equal(again.recovered.restore.compactedIndex, 60);
      assert.equal(again.recovered.summary.appliedIndex, 62);
      assert.deepEqual(readdirSync(join(path, "member")).sort(), [
        "CURRENT",
        "identity.json",
        "log",
        "state-2",
      ]);
      await close(again);
    });
  });
});

describe("store: what it refuses", () => {
  it("refuses to open a damaged log and names the file", async () => {
    await withFolder(async (path) => {
      const opened = await open(path);
      await appendTo(opened.store, putEntries(2, 40));
      await appendTo(opened.store, putEntries(41, 50));
      await close(opened);
      const folder = join(path, "member", "log");
      const segment = join(folder, readdirSync(folder)[0] ?? "");
      const bytes = readFileSync(segment);
      bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      writeFileSync(segment, bytes);
      await assert.rejects(open(path), (error: StorageError) => {
        assert.equal(error.code, "CORRUPT");
        return error.message.includes(`${segment} at byte `);
      });
    });
  });

  it("refuses a state that is ahead of the log or was lost after the log was trimmed", async () => {
    await withFolder(async (path) => {
      const opened = await open(path);
      await appendTo(opened.store, putEntries(2, 40));
      await applyTo(opened.store, 40);
      await close(opened);
      const other = await open(`${path}-other`);
      await appendTo(other.store, putEntries(2, 20));
      await close(other);
      renameSync(join(path, "member", "state-1"), join(path, "..", "kept"));
      await close(await open(path));
      rmSync(join(`${path}-other`, "member", "state-1"), { recursive: true });
      renameSync(join(path, "..", "kept"), join(`${path}-other`, "member", "state-1"));
      await assert.rejects(open(`${path}-other`), {
        code: "CORRUPT",
        message: /state-1 and .*log: the state has applied entry 40, the log holds entries 1 to 20/,
      });
    });
  });

  it("reports a failure of the writing thread once and calls nothing back after it", async () => {
    await withFolder(async (path) => {
      const fatal: StorageError[] = [];
      const { promise: failed, resolve } = Promise.withResolvers<void>();
      const opened = await open(path, (error) => {
        fatal.push(error);
        resolve();
      });
      opened.store.append({ hardState: null, entries: [putEntry(9)] }, () => assert.fail());
      opened.store.apply(toLogIndex(9), () => assert.fail());
      await failed;
      assert.match(fatal[0]?.message ?? "", /append at 9, the log can take entries at 1 to 2/);
      await opened.close();
      opened.folder.close();
      assert.equal(fatal.length, 1);
    });
  });
});
