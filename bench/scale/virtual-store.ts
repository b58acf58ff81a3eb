/**
 * The store that ships, both halves of it, over files and a state in memory: its own thread does
 * one batch of work at a time, and what was written is durable when the disk's time is over.
 */
import type { Recovered, Store } from "../../node/src/replica/index.ts";
import { SIMULATED_ROOT, type SimulatedDisk } from "../../node/src/storage/simulated-disk.ts";
import { EngineReader, READER_DEFAULTS } from "../../node/src/storage/state/index.ts";
import { StoreClient } from "../../node/src/storage/store-client.ts";
import { StoreCore } from "../../node/src/storage/store-core.ts";
import type { StoreAnswer } from "../../node/src/storage/store-messages.ts";
import { StoreServer } from "../../node/src/storage/store-server.ts";
import { APPLY_US, DISK_BYTES_PER_US, HOP_US, STORAGE, SYNC_US } from "./model.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface VirtualStoreSetup {
  readonly time: VirtualTime;
  readonly disk: SimulatedDisk;
  readonly origin: number;
  /** Told of each sync. */
  readonly synced: () => void;
}

/** The store's thread: collects what it answers and hands it over when the time is over. */
class StoreThread {
  readonly #setup: VirtualStoreSetup;
  #server: StoreServer | null = null;
  #client: StoreClient | null = null;
  #answers: StoreAnswer[] = [];
  #freeAtUs = 0;
  #isAwake = false;

  constructor(setup: VirtualStoreSetup) {
    this.#setup = setup;
  }

  connect(server: StoreServer, client: StoreClient): void {
    this.#server = server;
    this.#client = client;
    // `opened` was for whoever opened the store.
    this.#answers = [];
  }

  answer(answer: StoreAnswer): void {
    this.#answers.push(answer);
  }

  defer(task: () => void): void {
    this.#setup.time.after(HOP_US, () => {
      task();
      this.#deliver(this.#workUs());
    });
  }

  /** A sync beside other work: `perform` makes durable and answers. */
  syncBeside(perform: () => void): void {
    this.#setup.synced();
    this.#setup.time.after(SYNC_US, () => {
      perform();
      this.#deliver(0);
    });
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    const { time } = this.#setup;
    time.after(Math.max(HOP_US, this.#freeAtUs - time.nowUs), () => {
      this.#isAwake = false;
      this.#server?.run();
      this.#deliver(this.#workUs());
    });
  }

  /** What the work behind the answers takes: syncs that were waited for, and applies. */
  #workUs(): number {
    let us = 0;
    for (const answer of this.#answers) {
      if (answer.type === "appended") {
        this.#setup.synced();
        us += SYNC_US + answer.bytes / DISK_BYTES_PER_US;
      } else if (answer.type === "applied") {
        us += answer.entries * APPLY_US;
      }
    }
    return us;
  }

  #deliver(busyUs: number): void {
    const answers = this.#answers;
    if (answers.length === 0) return;
    this.#answers = [];
    const { nowUs } = this.#setup.time;
    this.#freeAtUs = Math.max(nowUs, this.#freeAtUs) + busyUs;
    this.#setup.time.after(this.#freeAtUs + HOP_US - nowUs, () => {
      for (const answer of answers) this.#client?.receive(answer);
    });
  }
}

export const openVirtualStore = (
  setup: VirtualStoreSetup,
): { readonly store: Store; readonly recovered: Recovered } => {
  const { time, disk, origin } = setup;
  disk.files.deferSyncs((perform) => perform());
  const opened: StoreCore[] = [];
  StoreCore.open(
    {
      files: disk.files,
      root: SIMULATED_ROOT,
      states: disk.states,
      options: STORAGE,
      origin,
      random: disk.random,
      onNotice: () => undefined,
    },
    (core) => opened.push(core),
  );
  const [core] = opened;
  if (core === undefined) throw new Error("simulated states open within the call");
  const thread = new StoreThread(setup);
  disk.files.deferSyncs((perform) => thread.syncBeside(perform));
  const openReader = (): EngineReader =>
    new EngineReader(core.engine, {
      ...READER_DEFAULTS,
      defer: () => new Promise((resolve) => void time.after(HOP_US, () => resolve())),
    });
  const server = new StoreServer(core, STORAGE, {
    answer: (answer) => thread.answer(answer),
    access: (engine) => ({ path: engine.path, handle: null }),
    monotonicMs: () => time.nowUs / 1000,
    defer: (task) => thread.defer(task),
    onError: (error) => {
      throw error;
    },
  });
  const client = new StoreClient(openReader(), {
    send: (requests) => {
      server.enqueue(requests);
      thread.wake();
    },
    schedule: (task) => void time.after(0, task),
    openReader: (_, ready) => void time.after(HOP_US, () => ready(openReader())),
    closeReader: () => undefined,
    onFatal: (error) => {
      throw error;
    },
    onTiming: () => undefined,
    onNotice: () => undefined,
  });
  thread.connect(server, client);
  return { store: client, recovered: core.recovered() };
};
