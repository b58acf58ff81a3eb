/**
 * The store by itself, through its worker thread, on a real disk: what a driver with so many writes
 * on their way gets. Append of one group, apply of it, the next group right behind; no network.
 *
 *   node bench/store.ts [folder]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeCommand } from "../node/src/kv/index.ts";
import { type Entry, toLogIndex, toTerm } from "../node/src/raft/index.ts";
import type { Store } from "../node/src/replica/index.ts";
import { openDataFolder, openStore } from "../node/src/storage/index.ts";

const SECONDS = 4;
const GROUPS_IN_FLIGHT = 2;
const value = new Uint8Array(256).fill(7);

const entriesFrom = (from: number, count: number): Entry[] =>
  Array.from({ length: count }, (_, n) => ({
    index: toLogIndex(from + n),
    term: toTerm(1),
    type: "command",
    data: encodeCommand(
      { origin: 1, sequence: from + n, timestampMs: 1 },
      {
        type: "put",
        key: Buffer.from(`key ${((from + n) * 2_654_435_761) % 100_000}`),
        value,
        condition: { type: "none" },
      },
    ),
  }));

interface Figures {
  readonly entries: number;
  readonly durableMs: readonly number[];
  readonly appliedMs: readonly number[];
}

/** Keeps groups of `size` entries going until time is up. */
const drive = (store: Store, from: number, size: number): Promise<Figures> =>
  new Promise((resolve) => {
    const end = performance.now() + SECONDS * 1000;
    const durableMs: number[] = [];
    const appliedMs: number[] = [];
    let next = from;
    let inFlight = 0;
    const begin = (): void => {
      const start = performance.now();
      const last = next + size - 1;
      inFlight += 1;
      store.append({ hardState: null, entries: entriesFrom(next, size) }, () => {
        durableMs.push(performance.now() - start);
        store.apply(toLogIndex(last), () => {
          appliedMs.push(performance.now() - start);
          inFlight -= 1;
          if (performance.now() < end) begin();
          else if (inFlight === 0) resolve({ entries: next - from, durableMs, appliedMs });
        });
      });
      next += size;
    };
    for (let n = 0; n < (size === 1 ? 1 : GROUPS_IN_FLIGHT); n += 1) begin();
  });

const percentile = (times: readonly number[], share: number): string =>
  ([...times].sort((a, b) => a - b)[Math.floor(times.length * share)] ?? 0).toFixed(2);

const folderPath = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kv-bench-store-"));
const folder = openDataFolder(folderPath, { name: "bench" });
try {
  folder.bootstrap({ peerAddress: "127.0.0.1:1", clientAddress: "http://127.0.0.1:2" });
  const { store, close } = await openStore({
    folder,
    origin: 1,
    onFatal: (error) => {
      throw error;
    },
    onTiming: () => undefined,
    onNotice: (text) => console.error(text),
  });
  console.log("| group | entries/s | CPU µs/entry | durable p50/p99 ms | applied p50/p99 ms |");
  console.log("|---:|---:|---:|---:|---:|");
  let next = 2;
  for (const size of [1, 16, 64, 128]) {
    const cpu = process.cpuUsage();
    const { entries, durableMs, appliedMs } = await drive(store, next, size);
    const { user, system } = process.cpuUsage(cpu);
    next += entries;
    const figures = [
      (entries / SECONDS).toFixed(0),
      ((user + system) / entries).toFixed(1),
      `${percentile(durableMs, 0.5)} / ${percentile(durableMs, 0.99)}`,
      `${percentile(appliedMs, 0.5)} / ${percentile(appliedMs, 0.99)}`,
    ];
    console.log(`| ${size} | ${figures.join(" | ")} |`);
  }
  await close();
} finally {
  folder.close();
  rmSync(folderPath, { recursive: true });
}
