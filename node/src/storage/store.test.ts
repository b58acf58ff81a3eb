// The store as the driver sees it, on the real disk: worker thread, RocksDB, fdatasync.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Command, encodeCommand } from "../kv/index.ts";
import { type Entry, toLogIndex, toTerm } from "../raft/index.ts";
import type { Applied, Store } from "../replica/index.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { type OpenedStore, openStore } from "./store.ts";

const ORIGIN = 77;
const ADDRESSES = { peerAddress: "127.0.0.1:5101", clientAddress: "http://127.0.0.1:5001" };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const putEntry = (index: number, key: string, origin = ORIGIN): Entry => {
  const command: Command = {
    type: "put",
    key: bytesOf(key),
    value: bytesOf(`value of ${key}`),
    condition: { type: "none" },
  };
  const header = { origin, sequence: index, timestampMs: 1 };
  return {
    index: toLogIndex(index),
    term: toTerm(2),
    type: "command",
    data: encodeCommand(header, command),
  };
};

const appendTo = (store: Store, entries: readonly Entry[]): Promise<void> =>
  new Promise((done) => store.append({ hardState: null, entries }, done));
const applyTo = (store: Store, index: number): Promise<Applied> =>
  new Promise((done) => store.apply(toLogIndex(index), done));
const readFrom = (store: Store, from: number, to: number): Promise<readonly Entry[]> =>
  new Promise((done) => store.readEntries(toLogIndex(from), toLogIndex(to), 1 << 20, done));

interface Opened extends OpenedStore {
  readonly folder: DataFolder;
}

const open = async (path: string): Promise<Opened> => {
  const folder = openDataFolder(path, { name: "node-1" });
  if (folder.identity === null) folder.bootstrap(ADDRESSES);
  const opened = await openStore({
    folder,
    origin: ORIGIN,
    onFatal: (error) => assert.fail(error),
    onTiming: () => undefined,
    onNotice: () => undefined,
  });
  return { ...opened, folder };
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

describe("store", () => {
  it("bootstraps, appends, applies, reads, and goes on after a restart", async () => {
    await withFolder(async (path) => {
      const first = await open(path);
      assert.equal(first.recovered.restore.lastIndex, 1);
      assert.equal(first.recovered.restore.configurationEntries.length, 1);
      await appendTo(first.store, [putEntry(2, "a"), putEntry(3, "b", 5)]);
      const applied = await applyTo(first.store, 3);
      assert.equal(applied.summary.appliedIndex, 3);
      assert.deepEqual(applied.settled, [
        { sequence: 2, result: { type: "put", revision: 1, created: true } },
      ]);
      const [a, none] = first.store.reader.getMany([bytesOf("a"), bytesOf("c")]);
      assert.deepEqual(a?.value && new TextDecoder().decode(a.value), "value of a");
      assert.equal(none, undefined);
      await appendTo(first.store, [putEntry(4, "c")]);
      await close(first);

      const second = await open(path);
      const { restore, summary } = second.recovered;
      assert.equal(summary.appliedIndex, 3);
      assert.equal(restore.lastIndex, 4);
      assert.equal(restore.configuration.members[0]?.name, "node-1");
      assert.deepEqual(await readFrom(second.store, 2, 4), [
        putEntry(2, "a"),
        putEntry(3, "b", 5),
        putEntry(4, "c"),
      ]);
      assert.equal((await applyTo(second.store, 4)).summary.keys, 3);
      await close(second);
    });
  });
});
