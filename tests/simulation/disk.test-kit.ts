/**
 * The disk of a machine and the thread that writes to it: the shipped store over files and engines
 * in memory. Requests wait while the disk is busy or stalled and are then served together; answers
 * come after the disk's time. A crash loses what was not synced.
 */
import type { Member, NodeId } from "../../node/src/raft/index.ts";
import type { Identity, Recovered, Store } from "../../node/src/replica/index.ts";
import type { BootstrapRequest } from "../../node/src/storage/bootstrap.ts";
import type { StorageOptions } from "../../node/src/storage/options.ts";
import type { SimulatedDisk } from "../../node/src/storage/simulated-disk.ts";
import type { StoreClient } from "../../node/src/storage/store-client.ts";
import type { StoreCore } from "../../node/src/storage/store-core.ts";
import type { StoreAnswer } from "../../node/src/storage/store-messages.ts";
import type { StoreServer } from "../../node/src/storage/store-server.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import { type Life, ProcessEnded } from "./life.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import type { System } from "./system.test-kit.ts";

export interface DiskSetup {
  readonly system: System;
  readonly queue: EventQueue;
  readonly random: Random;
  /** Mean time of one batch of writes, µs. */
  readonly diskUs: number;
  readonly segmentBytes: number;
  readonly noticed: (text: string) => void;
}

export interface OpenedDisk {
  readonly store: Store;
  readonly recovered: Recovered;
}

/** A process that opens the disk. */
export interface DiskUser {
  readonly life: Life;
  readonly origin: number;
  /** Its release. */
  readonly system: System;
}

/** Between the two threads of the store, µs. */
const HOP_US = 15;

export class Disk {
  readonly #setup: DiskSetup;
  readonly #disk: SimulatedDisk;
  readonly #options: StorageOptions;
  #stalledUntilUs = 0;
  #slowUntilUs = 0;
  #slowness = 1;
  #hasRot = false;

  constructor(setup: DiskSetup) {
    const { SimulatedDisk, SIMULATED_STORAGE } = setup.system.storage;
    const { segmentBytes } = setup;
    const zeroFillBytes = Math.min(segmentBytes, 4096);
    this.#setup = setup;
    this.#options = { ...SIMULATED_STORAGE, segmentBytes, zeroFillBytes };
    this.#disk = new SimulatedDisk(setup.random.next, this.#options);
  }

  bootstrap(request: BootstrapRequest): NodeId {
    return this.#disk.bootstrap(request).nodeId;
  }

  join(identity: Identity, members: readonly Member[]): void {
    this.#disk.join({ identity, members });
  }

  /** Opens the store in a new life. What it throws is for the process to die of. */
  open(process: DiskUser, done: (opened: OpenedDisk) => void): void {
    const { StoreCore, SIMULATED_ROOT } = process.system.storage;
    // Opening waits for each sync: nothing else goes on yet.
    this.#disk.files.deferSyncs((perform) => perform());
    const core = {
      files: this.#disk.files,
      root: SIMULATED_ROOT,
      states: this.#disk.states,
      options: this.#options,
      origin: process.origin,
      random: this.#setup.random.next,
      onNotice: this.#setup.noticed,
    };
    StoreCore.open(core, (opened) => done(this.#serve(process, opened)));
  }

  /** The power goes. */
  crash(): void {
    this.#disk.crash();
  }

  stall(forUs: number): void {
    this.#stalledUntilUs = this.#setup.queue.nowUs + forUs;
  }

  /** Everything takes `times` as long. */
  slowDown(times: number, forUs: number): void {
    this.#slowness = times;
    this.#slowUntilUs = this.#setup.queue.nowUs + forUs;
  }

  /** A row of the state can no longer be read. */
  get hasRot(): boolean {
    return this.#hasRot;
  }

  crashAfter(operations: number): void {
    this.#disk.files.crashAfter(operations);
  }

  failNextSync(): void {
    this.#disk.files.failNext("sync", "EIO");
  }

  fill(afterBytes: number): void {
    this.#disk.files.limitCapacity(afterBytes);
  }

  misdirectNextWrite(): void {
    this.#disk.files.misdirectNextWrite(this.#setup.random.integer(1, 8) * 512);
  }

  /** Damages a block of the state. @returns false when there is none yet */
  rotState(): boolean {
    const row = this.#disk.rotState();
    if (row === null) return false;
    this.#setup.noticed(`rot in ${row}`);
    this.#hasRot = true;
    return true;
  }

  /** Flips one bit somewhere in the log. */
  flipBit(): void {
    this.#setup.noticed(`bit rot in ${this.#disk.rotLog()}`);
  }

  /** Free space, no stall, power. */
  heal(): void {
    this.#disk.files.crashAfter(Number.POSITIVE_INFINITY);
    this.#disk.files.limitCapacity(Number.POSITIVE_INFINITY);
    this.#stalledUntilUs = 0;
    this.#slowUntilUs = 0;
  }

  #serve({ life, system }: DiskUser, core: StoreCore): OpenedDisk {
    const { EngineReader, StoreClient } = system.storage;
    const readerOptions = {
      rowsPerTurn: this.#setup.random.pick([1, 4, 256]),
      bytesPerTurn: 256 * 1024,
      defer: () => new Promise<void>((resolve) => void life.later(HOP_US, resolve)),
    };
    const thread = new DiskThread({
      busyUs: () => this.#busyUs(),
      later: (delayUs, task) => void life.later(delayUs, task),
      nowUs: () => this.#setup.queue.nowUs,
    });
    this.#disk.files.deferSyncs((perform) => thread.sync(perform));
    const server = this.#createServer({ life, system }, core, thread);
    const client: StoreClient = new StoreClient(new EngineReader(core.engine, readerOptions), {
      send: (requests) => {
        server.enqueue(requests);
        thread.wake();
      },
      schedule: (task) => void life.later(HOP_US, task),
      openReader: (_, ready) => {
        life.later(HOP_US, () => ready(new EngineReader(core.engine, readerOptions)));
      },
      closeReader: () => undefined,
      onFatal: (error) => {
        throw new ProcessEnded(`storage: ${error.message}`, { cause: error });
      },
      onTiming: () => undefined,
      onNotice: this.#setup.noticed,
    });
    thread.connect(server, client);
    return { store: client, recovered: core.recovered() };
  }

  #createServer(
    { life, system }: Pick<DiskUser, "life" | "system">,
    core: StoreCore,
    thread: DiskThread,
  ): StoreServer {
    const { StoreServer } = system.storage;
    // The files are those of the release that made the disk.
    const { SimulatedCrash } = this.#setup.system.storage;
    return new StoreServer(core, this.#options, {
      answer: (answer) => thread.answer(answer),
      access: (engine) => ({ path: engine.path, handle: null }),
      monotonicMs: () => life.runtime.monotonicMs(),
      defer: (task) => thread.defer(task),
      onError: (error) => {
        // The power is gone: there is nobody left to answer.
        if (error instanceof SimulatedCrash) throw error;
      },
    });
  }

  #busyUs(): number {
    const { queue, random, diskUs } = this.#setup;
    const stall = Math.max(0, this.#stalledUntilUs - queue.nowUs);
    const times = queue.nowUs < this.#slowUntilUs ? this.#slowness : 1;
    return stall + times * (diskUs * 0.3 + random.exponential(diskUs * 0.7));
  }
}

interface ThreadPorts {
  readonly busyUs: () => number;
  readonly later: (delayUs: number, task: () => void) => void;
  readonly nowUs: () => number;
}

/** The other thread of the store: one batch of work at a time, answered when the disk is done. */
class DiskThread {
  readonly #ports: ThreadPorts;
  #server: StoreServer | null = null;
  #client: StoreClient | null = null;
  #answers: StoreAnswer[] = [];
  #freeAtUs = 0;
  #isAwake = false;

  constructor(ports: ThreadPorts) {
    this.#ports = ports;
  }

  connect(server: StoreServer, client: StoreClient): void {
    this.#server = server;
    this.#client = client;
    // The answer `opened` was for whoever opened the store.
    this.#answers = [];
  }

  answer(answer: StoreAnswer): void {
    this.#answers.push(answer);
  }

  defer(task: () => void): void {
    this.#ports.later(HOP_US, () => {
      task();
      this.#deliver(0);
    });
  }

  /** A sync on its way to the disk, beside other work. */
  sync(perform: () => void): void {
    this.#ports.later(this.#ports.busyUs(), () => {
      perform();
      this.#deliver(0);
    });
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    const wait = Math.max(HOP_US, this.#freeAtUs - this.#ports.nowUs());
    this.#ports.later(wait, () => {
      this.#isAwake = false;
      this.#server?.run();
      this.#deliver(this.#ports.busyUs());
    });
  }

  #deliver(busyUs: number): void {
    const answers = this.#answers;
    if (answers.length === 0) return;
    this.#answers = [];
    const nowUs = this.#ports.nowUs();
    this.#freeAtUs = Math.max(nowUs, this.#freeAtUs) + busyUs;
    this.#ports.later(this.#freeAtUs - nowUs, () => {
      for (const answer of answers) this.#client?.receive(answer);
    });
  }
}
