/**
 * Before and after of ADR 0001: the Raft log as rows of RocksDB (put per entry, synced, trimmed by
 * deletes) against the segmented log, on the same disk, in turns. Prints a Markdown table.
 *
 *   node bench/log.ts [folder]
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Entry, toClusterId, toLogIndex, toTerm } from "../node/src/raft/index.ts";
import { realFiles } from "../node/src/storage/files.ts";
import { packEntries } from "../node/src/storage/log/entry-block.ts";
import { SegmentedLog } from "../node/src/storage/log/log.ts";
import { STORAGE_DEFAULTS } from "../node/src/storage/options.ts";
import { ROCKS_DEFAULTS, RocksEngine } from "../node/src/storage/rocksdb.ts";

const VALUE_BYTES = 256;
const ENTRIES_KEPT = 10_000;
const ROUNDS = 3;
const CASES = [
  { batch: 1, entries: 6_000 },
  { batch: 16, entries: 60_000 },
  { batch: 128, entries: 240_000 },
] as const;

/** Appends one batch and drops what is older than ENTRIES_KEPT. */
interface Subject {
  readonly name: string;
  append(entries: readonly Entry[]): void;
  close(): Promise<void>;
}

const value = new Uint8Array(VALUE_BYTES).fill(7);

const batchOf = (from: number, count: number): Entry[] =>
  Array.from({ length: count }, (_, n) => ({
    index: toLogIndex(from + n),
    term: toTerm(1),
    type: "command",
    data: value,
  }));

const keyOf = (index: number): Uint8Array => {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, BigInt(index));
  return key;
};

const rocksColumn = async (folder: string): Promise<Subject> => {
  const engine = await RocksEngine.open(folder, ROCKS_DEFAULTS);
  return {
    name: "RocksDB rows",
    append: (entries) => {
      const batch = engine.createBatch();
      for (const { index, data } of entries) {
        batch.put(keyOf(index), data);
        if (index > ENTRIES_KEPT) batch.delete(keyOf(index - ENTRIES_KEPT));
      }
      engine.write(batch, { sync: true });
    },
    close: () => engine.close(),
  };
};

const segmentedLog = (folder: string, zeroFillBytes: number): Subject => {
  mkdirSync(folder);
  const log = SegmentedLog.create(realFiles, folder, {
    ...STORAGE_DEFAULTS,
    zeroFillBytes,
    clusterId: toClusterId("0".repeat(32)),
    hardState: { currentTerm: toTerm(1), votedFor: null },
    random: Math.random,
    onNotice: () => undefined,
  });
  return {
    name: zeroFillBytes > 1 ? "segmented log" : "segmented log, growing file",
    append: (entries) => {
      log.append(null, [packEntries(entries)]);
      const last = entries.at(-1)?.index ?? 0;
      if (log.canTrim(last - ENTRIES_KEPT)) log.trim(last - ENTRIES_KEPT);
    },
    close: () => Promise.resolve(log.close()),
  };
};

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const measure = (subject: Subject, batch: number, entries: number): Measured => {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let from = 1; from <= entries; from += batch) {
    const before = performance.now();
    subject.append(batchOf(from, batch));
    times.push(performance.now() - before);
  }
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  return {
    perSecond: entries / seconds,
    cpuMicros: (user + system) / entries,
    p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
  };
};

const GROUP = new Uint8Array(20_000).fill(7);
const GROUPS = 1500;
const APPLY_MS = 0.3;

const work = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    // Stands for applying the entries of an earlier group.
  }
};

/** Syncs groups, with the work of applying after each sync or beside it. */
const measureOverlap = async (path: string, isBeside: boolean): Promise<string> => {
  const file = realFiles.create(path);
  file.write([new Uint8Array(STORAGE_DEFAULTS.segmentBytes)], 0);
  file.sync();
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let n = 0; n < GROUPS; n += 1) {
    file.write([GROUP], (n * GROUP.length) % (STORAGE_DEFAULTS.segmentBytes - GROUP.length));
    if (!isBeside) file.sync();
    const synced = isBeside ? new Promise<unknown>((done) => file.syncLater(done)) : undefined;
    work(APPLY_MS);
    await synced;
  }
  const cycle = ((performance.now() - start) / GROUPS).toFixed(2);
  const { user, system } = process.cpuUsage(cpu);
  file.close();
  realFiles.unlink(path);
  return `${cycle} ms a group, ${((user + system) / GROUPS).toFixed(0)} µs of CPU`;
};

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const parent = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kv-bench-log-"));
try {
  console.log("| batch | log | entries/s | CPU µs/entry | p50 ms | p99 ms |");
  console.log("|---:|---|---:|---:|---:|---:|");
  let folders = 0;
  for (const { batch, entries } of CASES) {
    const results = new Map<string, Measured[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const make of [
        (folder: string) => rocksColumn(folder),
        (folder: string) => segmentedLog(folder, 1),
        (folder: string) => segmentedLog(folder, STORAGE_DEFAULTS.zeroFillBytes),
      ]) {
        folders += 1;
        const folder = join(parent, String(folders));
        const subject = await make(folder);
        const measured = measure(subject, batch, entries);
        results.set(subject.name, [...(results.get(subject.name) ?? []), measured]);
        await subject.close();
        rmSync(folder, { recursive: true });
      }
    }
    for (const [name, rounds] of results) {
      const of = (pick: (measured: Measured) => number): number => median(rounds.map(pick));
      const figures = [
        of(({ perSecond }) => perSecond).toFixed(0),
        of(({ cpuMicros }) => cpuMicros).toFixed(1),
        of(({ p50Ms }) => p50Ms).toFixed(3),
        of(({ p99Ms }) => p99Ms).toFixed(2),
      ];
      console.log(`| ${batch} | ${name} | ${figures.join(" | ")} |`);
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    console.log(`apply after the sync:  ${await measureOverlap(join(parent, "file"), false)}`);
    console.log(`apply beside the sync: ${await measureOverlap(join(parent, "file"), true)}`);
  }
} finally {
  rmSync(parent, { recursive: true });
}
