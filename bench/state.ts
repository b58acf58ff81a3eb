/**
 * What the replicated state costs by itself, without consensus or network: CPU per applied put,
 * reads, reopening and memory. Each size runs in processes of its own.
 *
 *   node_modules/.bin/node bench/state.ts [keys …]      default: 100000 1000000
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../node/src/raft/index.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "../node/src/storage/rocksdb.ts";
import { EngineReader, StateStore } from "../node/src/storage/state/index.ts";
import { compactEntry, keyOf, putEntries } from "./state-entries.ts";

const ENTRIES_PER_APPLY = 64;
const READS = 100_000;
const SCAN_ROWS = 100;
const MIB = 1024 * 1024;

const entriesFrom = (index: number, firstKey: number): Entry[] =>
  putEntries(
    index,
    Array.from({ length: ENTRIES_PER_APPLY }, (_, at) => keyOf(firstKey + at)),
  );

interface Measured {
  readonly wallUs: number;
  readonly cpuUs: number;
}

/** Per operation; CPU includes RocksDB's background threads. */
const measure = async (operations: number, run: () => unknown): Promise<Measured> => {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  await run();
  const wallUs = Number(process.hrtime.bigint() - start) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  return { wallUs: wallUs / operations, cpuUs: (user + system) / operations };
};

const show = (what: string, { wallUs, cpuUs }: Measured): void => {
  const rate = Math.round(1e6 / wallUs).toLocaleString("en");
  console.log(
    `${what.padEnd(45)} ${wallUs.toFixed(2).padStart(9)} µs` +
      `  cpu ${cpuUs.toFixed(2).padStart(6)} µs  ${rate.padStart(10)}/s`,
  );
};

const showMemory = (what: string): void => {
  globalThis.gc?.();
  console.log(`${what.padEnd(45)} ${(process.memoryUsage().rss / MIB).toFixed(0).padStart(8)} MiB`);
};

/** Entries are made outside of what is measured; the state's own share is wall time in apply. */
const putAll = async (state: StateStore, what: string, keys: number): Promise<void> => {
  let inApply = 0n;
  const total = await measure(keys, () => {
    for (let done = 0; done < keys; done += ENTRIES_PER_APPLY) {
      const entries = entriesFrom(state.summary.appliedIndex + 1, done);
      const start = process.hrtime.bigint();
      state.apply(entries, 1);
      inApply += process.hrtime.bigint() - start;
    }
  });
  show(`${what} (with making entries)`, total);
  show(`${what}, in apply`, { wallUs: Number(inApply) / 1e3 / keys, cpuUs: total.cpuUs });
};

const fill = async (path: string, keys: number): Promise<void> => {
  const engine = await RocksEngine.open(path, ROCKS_DEFAULTS);
  const state = StateStore.open(engine);
  await putAll(state, `put, ${keys} fresh keys`, keys);
  await putAll(state, `put, ${keys} overwritten keys`, keys);
  state.sync();
  showMemory("memory after the writes");
  await engine.close();
};

const read = async (path: string, keys: number): Promise<void> => {
  showMemory("memory before opening");
  const opening = await measure(1, async () => {
    const opened = await RocksEngine.open(path, ROCKS_DEFAULTS);
    StateStore.open(opened);
    await opened.close();
  });
  show("open and close", opening);
  const engine = await RocksEngine.open(path, ROCKS_DEFAULTS);
  const reader = new EngineReader(engine);
  showMemory("memory after opening");
  const gets = (many: number) => () => {
    for (let n = 0; n < READS; n += many) {
      reader.getMany(Array.from({ length: many }, (_, at) => keyOf((n * 7919 + at * 31) % keys)));
    }
  };
  show("get, 1 key a crossing", await measure(READS, gets(1)));
  show("get, 64 keys a crossing", await measure(READS, gets(64)));
  const { revision } = StateStore.open(engine).summary;
  const page = { limit: SCAN_ROWS, bytesMax: MIB, keysOnly: false, countMax: 0, revision: null };
  const pages = 1000;
  const scans = async (): Promise<void> => {
    for (let n = 0; n < pages; n += 1) {
      await reader.scan({ ...page, start: keyOf(n), end: new Uint8Array(0) });
    }
  };
  show(`page of ${SCAN_ROWS} rows`, await measure(pages, scans));
  const old = (): void => {
    for (let n = 0; n < pages; n += 1) reader.getAt(keyOf((n * 7919) % keys), revision);
  };
  show("get at a revision", await measure(pages, old));
  showMemory("memory after the reads");
  await engine.close();
};

const compact = async (path: string): Promise<void> => {
  const engine = await RocksEngine.open(path, ROCKS_DEFAULTS);
  const state = StateStore.open(engine);
  const { appliedIndex, revision } = state.summary;
  state.apply([compactEntry(appliedIndex + 1, revision)], 1);
  show("compaction", await measure(1, () => state.removeCompacted()));
  await engine.close();
};

const phases: Readonly<Record<string, (path: string, keys: number) => Promise<void>>> = {
  fill,
  read,
  compact,
};

const [phase, path, count] = process.argv.slice(2);
const run = phase === undefined ? undefined : phases[phase];
if (run !== undefined && path !== undefined) {
  await run(path, Number(count));
} else {
  const sizes = process.argv.slice(2).map(Number);
  for (const keys of sizes.length > 0 ? sizes : [100_000, 1_000_000]) {
    const folder = mkdtempSync(join(tmpdir(), "kvcluster-bench-state-"));
    try {
      for (const name of Object.keys(phases)) {
        const args = ["--expose-gc", import.meta.filename, name, folder, String(keys)];
        spawnSync(process.execPath, args, { stdio: "inherit" });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
