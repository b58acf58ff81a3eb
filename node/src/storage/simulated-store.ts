/**
 * A store on a simulated disk in the caller's thread: both halves of the real one, joined by queues
 * that take simulated time instead of a message port. Whatever the disk loses or breaks, the code
 * that has to cope with it is the code that ships.
 */
import type { Recovered, Runtime, Store } from "../replica/index.ts";
import type { StorageOptions } from "./options.ts";
import { SIMULATED_ROOT, SIMULATED_STORAGE, type SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedCrash } from "./simulated-files.ts";
import { EngineReader, READER_DEFAULTS } from "./state/index.ts";
import { StoreClient, type StoreListeners } from "./store-client.ts";
import { type CoreSetup, StoreCore } from "./store-core.ts";
import type { StoreAnswer, StoreRequest } from "./store-messages.ts";
import { StoreServer } from "./store-server.ts";

export interface SimulatedStoreSetup extends StoreListeners {
  readonly disk: SimulatedDisk;
  readonly origin: number;
  readonly runtime: Pick<Runtime, "defer" | "after" | "monotonicMs">;
  /** Time that the next group of requests takes, ms; a large number is a stalled disk. */
  readonly delayMs: () => number;
  /** The power failed inside an operation (`SimulatedFiles.crashAfter`): the node is down. */
  readonly onPowerLoss: () => void;
  readonly options?: StorageOptions;
}

export interface SimulatedStore {
  readonly store: Store;
  readonly recovered: Recovered;
  /** Ends this life: nothing is carried out or called back any more. Then crash the disk or not. */
  kill(): void;
}

/**
 * @throws StorageError when what is on the disk cannot be served
 * @throws SimulatedCrash when the power fails meanwhile
 */
export const openSimulatedStore = (setup: SimulatedStoreSetup): SimulatedStore => {
  setup.disk.files.deferSyncs((perform) => perform());
  const core = openCore(setup);
  const { runtime } = setup;
  const life = { isOver: false };
  const whileAlive =
    (task: () => void): (() => void) =>
    () => {
      if (!life.isOver) task();
    };
  const defer = (task: () => void): void => runtime.defer(whileAlive(task));
  setup.disk.files.deferSyncs((perform) => {
    runtime.after(setup.delayMs(), whileAlive(perform));
  });
  const openReader = (): EngineReader =>
    new EngineReader(core.engine, {
      ...READER_DEFAULTS,
      defer: () => new Promise((resolve) => runtime.defer(resolve)),
    });

  const requests = new Lane<StoreRequest>((batch) => {
    server.enqueue(batch);
    server.run();
  });
  const answers = new Lane<StoreAnswer>((batch) => {
    for (const answer of batch) client.receive(answer);
  });
  const client = new StoreClient(openReader(), {
    ...setup,
    send: (batch) => {
      requests.add(batch, (deliver) => runtime.after(setup.delayMs(), whileAlive(deliver)));
    },
    schedule: defer,
    openReader: (_access, done) => defer(() => done(openReader())),
    closeReader: () => undefined,
  });
  const server = new StoreServer(core, setup.options ?? SIMULATED_STORAGE, {
    answer: (answer) => {
      if (answer.type !== "opened" && !life.isOver) answers.add([answer], defer);
    },
    access: (engine) => ({ path: engine.path, handle: null }),
    monotonicMs: () => runtime.monotonicMs(),
    defer,
    onError: (error) => {
      if (!(error instanceof SimulatedCrash)) return;
      life.isOver = true;
      setup.onPowerLoss();
    },
  });
  const kill = (): void => {
    life.isOver = true;
    client.stop();
  };
  return { store: client, recovered: core.recovered(), kill };
};

const openCore = (setup: SimulatedStoreSetup): StoreCore => {
  const { disk, origin, onNotice } = setup;
  const options = setup.options ?? SIMULATED_STORAGE;
  const opened: StoreCore[] = [];
  const coreSetup: CoreSetup = {
    files: disk.files,
    root: SIMULATED_ROOT,
    states: disk.states,
    random: disk.random,
    origin,
    options,
    onNotice,
  };
  StoreCore.open(coreSetup, (core) => opened.push(core));
  const [core] = opened;
  if (core === undefined) throw new Error("simulated states open within the call");
  return core;
};

/** Carries messages in order; those that wait for the same delivery arrive together. */
class Lane<T> {
  readonly #deliver: (batch: readonly T[]) => void;
  #waiting: T[] = [];

  constructor(deliver: (batch: readonly T[]) => void) {
    this.#deliver = deliver;
  }

  add(messages: readonly T[], schedule: (deliver: () => void) => void): void {
    const isScheduled = this.#waiting.length > 0;
    this.#waiting.push(...messages);
    if (isScheduled) return;
    schedule(() => {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#deliver(batch);
    });
  }
}
