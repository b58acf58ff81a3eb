/**
 * What merging the state's table files costs: overwrites of keys at random, with a history that is
 * removed as a cluster does by default, under each of the two ways. CPU includes RocksDB's threads.
 *
 *   node_modules/.bin/node bench/table-files.ts [keys] [puts]      default: 200000 2000000
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { toRevision } from "../node/src/kv/index.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "../node/src/storage/rocksdb.ts";
import { StateStore } from "../node/src/storage/state/index.ts";
import { compactEntry, keyOf, putEntries } from "./state-entries.ts";

const MIB = 1024 * 1024;
const PUTS_PER_APPLY = 64;
/** As a node has by default (`compaction.*`, `storage.*`). */
const REVISIONS_KEPT = 100_000;
const COMPACT_EVERY = 300_000;
const ROCKS = { ...ROCKS_DEFAULTS, cacheBytes: 32 * MIB, memtableBytes: 64 * MIB };
const LOOK_EVERY = 100;
/** Merging that was due has ended by then. */
const SETTLE_MS = 10_000;

/** The same keys for both ways (Numerical Recipes' generator). */
const randomKeys = (count: number): (() => Uint8Array) => {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return keyOf(state % count);
  };
};

/** Bytes of all table files; one that goes meanwhile counts nothing. */
const tableBytes = (folder: string): number => {
  let bytes = 0;
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".sst")) continue;
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
};

/** @returns the most bytes that table files took */
const overwrite = async (state: StateStore, folder: string, puts: number): Promise<number> => {
  const nextKey = randomKeys(keys);
  let compacted = 0;
  let most = 0;
  for (let turn = 0; turn * PUTS_PER_APPLY < puts; turn += 1) {
    const { appliedIndex, revision } = state.summary;
    const group = Array.from({ length: PUTS_PER_APPLY }, nextKey);
    const entries = putEntries(appliedIndex + 1, group);
    if (revision - compacted > COMPACT_EVERY) {
      compacted = revision;
      entries.push(
        compactEntry(appliedIndex + 1 + group.length, toRevision(revision - REVISIONS_KEPT)),
      );
    }
    state.apply(entries, 1);
    state.removeCompacted();
    if (turn % LOOK_EVERY === 0) most = Math.max(most, tableBytes(folder));
  }
  return most;
};

const [keys = 200_000, puts = 2_000_000] = process.argv.slice(2).map(Number);
const mib = (bytes: number): string => (bytes / MIB).toFixed(0).padStart(5);
for (const compaction of ["level", "universal"] as const) {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-bench-files-"));
  try {
    const engine = await RocksEngine.open(folder, { ...ROCKS, compaction });
    const start = process.cpuUsage();
    const most = await overwrite(StateStore.open(engine), folder, puts);
    await pause(SETTLE_MS);
    const { user, system } = process.cpuUsage(start);
    console.log(
      `${compaction.padEnd(10)} ${((user + system) / puts).toFixed(1)} µs of CPU a put, ` +
        `${mib(most)} MiB at most, ${mib(tableBytes(folder))} settled`,
    );
    await engine.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
