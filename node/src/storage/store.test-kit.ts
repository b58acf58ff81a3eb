/** Commands, a hand-turned clock and simulated stores for the tests of this layer. */
import assert from "node:assert/strict";
import { type Command, encodeCommand } from "../kv/index.ts";
import {
  type Configuration,
  type Entry,
  encodeConfiguration,
  type SnapshotMetadata,
  toClusterId,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import type { Applied, SnapshotSink, Store } from "../replica/index.ts";
import type { BootstrapRequest } from "./bootstrap.ts";
import { seededRandom } from "./seeded-random.test-kit.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { openSimulatedStore, type SimulatedStore } from "./simulated-store.ts";
import { MemoryEngine, StateStore } from "./state/index.ts";

export const ORIGIN = 77;
export const REQUEST: BootstrapRequest = {
  clusterId: toClusterId("00112233445566778899aabbccddeeff"),
  name: "node-1",
  peerAddress: "127.0.0.1:5101",
  clientAddress: "http://127.0.0.1:5001",
};

export const CONFIGURATION: Configuration = {
  members: [
    {
      id: toNodeId(1),
      name: REQUEST.name,
      peerAddress: REQUEST.peerAddress,
      clientAddress: REQUEST.clientAddress,
      role: "voter",
    },
  ],
};

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface EntryOptions {
  readonly term?: number;
  readonly origin?: number;
  readonly valueBytes?: number;
}

/** An entry that puts one of a few keys; entry 1 is the configuration that bootstrap wrote. */
export const putEntry = (index: number, options: EntryOptions = {}): Entry => {
  const term = toTerm(options.term ?? 1);
  if (index === 1) {
    const data = encodeConfiguration(CONFIGURATION);
    return { index: toLogIndex(1), term: toTerm(1), type: "configuration", data };
  }
  const command: Command = {
    type: "put",
    key: bytesOf(`key ${index % 17}`),
    value: new Uint8Array(options.valueBytes ?? 30).fill((index * 7 + term) % 256),
    condition: { type: "none" },
  };
  const origin = options.origin ?? ORIGIN;
  const data = encodeCommand({ origin, sequence: index, timestampMs: 1 }, command);
  return { index: toLogIndex(index), term, type: "command", data };
};

export const putEntries = (from: number, to: number, options: EntryOptions = {}): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => putEntry(from + n, options));

/** The hash of the state after entries 1 to `index` of a list. */
export const hashAfter = (entries: readonly Entry[], index: number): number => {
  const state = StateStore.open(new MemoryEngine("reference"));
  state.apply(entries.slice(0, index), ORIGIN);
  return state.summary.hash;
};

/** Time that passes only when the test lets it. */
export class ManualRuntime {
  #now = 0;
  #tasks: { at: number; task: () => void }[] = [];

  monotonicMs(): number {
    return this.#now;
  }

  defer(task: () => void): void {
    this.after(0, task);
  }

  after(ms: number, task: () => void): () => void {
    const entry = { at: this.#now + ms, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** Runs everything that is due, and what that makes due, until nothing is left. */
  run(): void {
    for (;;) {
      const next = this.#tasks.reduce<{ at: number; task: () => void } | undefined>(
        (first, task) => (first === undefined || task.at < first.at ? task : first),
        undefined,
      );
      if (next === undefined) return;
      this.#tasks = this.#tasks.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
  }
}

export interface TestStore extends SimulatedStore {
  readonly runtime: ManualRuntime;
  readonly notices: readonly string[];
  /** Set when the power failed inside an operation. */
  readonly isDown: () => boolean;
}

export const newDisk = (seed: number): SimulatedDisk => {
  const disk = new SimulatedDisk(seededRandom(seed));
  disk.bootstrap(REQUEST);
  return disk;
};

export const openOn = (disk: SimulatedDisk): TestStore => {
  const runtime = new ManualRuntime();
  const notices: string[] = [];
  let down = false;
  const opened = openSimulatedStore({
    disk,
    origin: ORIGIN,
    runtime,
    delayMs: () => 1,
    onPowerLoss: () => {
      down = true;
    },
    onFatal: (error) => {
      throw error;
    },
    onTiming: () => undefined,
    onNotice: (text) => notices.push(text),
  });
  return { ...opened, runtime, notices, isDown: () => down };
};

/** Runs a request to its end; undefined when the power failed meanwhile. */
const waitFor = <T>(test: TestStore, begin: (done: (value: T) => void) => void): T | undefined => {
  const answers: T[] = [];
  begin((value) => answers.push(value));
  test.runtime.run();
  assert.ok(answers.length === 1 || test.isDown(), "every request is answered once");
  return answers[0];
};

export const append = (test: TestStore, entries: readonly Entry[], term = 1): boolean => {
  const hardState = { currentTerm: toTerm(term), votedFor: null };
  const done = waitFor<true>(test, (answer) =>
    test.store.append({ hardState, entries }, () => answer(true)),
  );
  return done ?? false;
};

export const apply = (test: TestStore, index: number): Applied | undefined =>
  waitFor(test, (done) => test.store.apply(toLogIndex(index), done));

export const compact = (test: TestStore, index: number): number | undefined =>
  waitFor<{ index: number }>(test, (done) => test.store.compactLog(toLogIndex(index), done))?.index;

export const read = (test: TestStore, from: number, to: number): readonly Entry[] | undefined =>
  waitFor(test, (done) => test.store.readEntries(toLogIndex(from), toLogIndex(to), 1 << 20, done));

/** All chunks of a snapshot of a store. */
export const exportFrom = (
  test: TestStore,
): { readonly metadata: SnapshotMetadata; readonly chunks: readonly Uint8Array[] } => {
  const source = waitFor<Parameters<Parameters<Store["openSnapshot"]>[0]>[0]>(test, (done) =>
    test.store.openSnapshot(done),
  );
  assert.ok(source !== undefined);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = waitFor<Uint8Array | null>(test, (done) => source.next(done));
    if (chunk === null || chunk === undefined) break;
    chunks.push(chunk);
  }
  source.close();
  test.runtime.run();
  return { metadata: source.metadata, chunks };
};

/** Installs a snapshot. @returns whether it was reported installed */
export const installInto = (
  test: TestStore,
  { metadata, chunks }: ReturnType<typeof exportFrom>,
): boolean => {
  const sink = waitFor<SnapshotSink>(test, (done) => test.store.beginInstall(metadata, done));
  if (sink === undefined) return false;
  for (const chunk of chunks) {
    if (!(waitFor<boolean>(test, (done) => sink.write(chunk, done)) ?? false)) return false;
  }
  const outcome = waitFor<unknown>(test, (done) => sink.install(done));
  return outcome !== undefined && outcome !== null;
};
