/**
 * One life of a node's process: from its start to its crash. It owns the driver's clock and timers,
 * stands still while paused, and after its end nothing of it runs again.
 */
import type { LogIndex, NodeId } from "../../node/src/raft/index.ts";
import type { PeerMessage, Replica, Runtime } from "../../node/src/replica/index.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import type { Station } from "./network.test-kit.ts";
import type { NodeWatch } from "./node-watch.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import type { Trace } from "./trace.test-kit.ts";

/** Thrown by the driver's `fatal` and by a store that gave up: the process ends. */
export class ProcessEnded extends Error {
  override readonly name = "ProcessEnded";
}

export interface LifeSetup {
  readonly host: string;
  readonly nodeId: NodeId;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly trace: Trace;
  readonly watch: NodeWatch;
  /** Speed of this machine's clock, 1 is true time. */
  readonly clockRate: number;
  readonly wallMs: () => number;
  /** Something threw: the process cannot go on. */
  readonly failed: (error: unknown) => void;
}

/** From the callback of a task's `setImmediate` to its run, µs. */
const TURN_US = 20;

export class Life implements Station {
  readonly host: string;
  readonly nodeId: NodeId;
  readonly watch: NodeWatch;
  readonly runtime: Runtime;
  replica: Replica | null = null;
  readonly #setup: LifeSetup;
  readonly #startedUs: number;
  #isAlive = true;
  #isPaused = false;
  #backlog: (() => void)[] = [];
  #endings: (() => void)[] = [];

  constructor(setup: LifeSetup) {
    this.#setup = setup;
    this.host = setup.host;
    this.nodeId = setup.nodeId;
    this.watch = setup.watch;
    this.#startedUs = setup.queue.nowUs;
    this.runtime = this.#createRuntime();
  }

  get startedUs(): number {
    return this.#startedUs;
  }
  get isAlive(): boolean {
    return this.#isAlive;
  }
  get isPaused(): boolean {
    return this.#isPaused;
  }
  /** Alive, not paused, with a driver. */
  get isServing(): boolean {
    return this.#isAlive && !this.#isPaused && this.replica !== null;
  }

  run(task: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) {
      this.#backlog.push(task);
      return;
    }
    try {
      task();
      if (this.#isAlive && this.replica !== null) this.#look(this.replica);
    } catch (error) {
      this.#setup.failed(error);
    }
  }

  /** Runs in this process after a delay of true time. */
  later(delayUs: number, task: () => void): () => void {
    return this.#setup.queue.schedule(delayUs, () => this.run(task));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const task of backlog) this.run(task);
  }

  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#backlog = [];
    const endings = this.#endings;
    this.#endings = [];
    for (const ending of endings) ending();
  }

  onEnd(task: () => void): void {
    this.#endings.push(task);
  }

  sending(message: PeerMessage): void {
    if (message.type !== "raft") {
      this.#record("sends", [message.type, message]);
      return;
    }
    this.watch.sending(message.message);
    const { to, term, type } = message.message;
    this.#record(type, [to, term, message.message]);
  }

  received(from: NodeId, message: PeerMessage): void {
    if (message.type === "raft") this.#record("receives", [from, message.message]);
    else this.#record("receives", [from, message]);
  }

  /** The commit index that a client could be told of. */
  get commitIndex(): LogIndex | null {
    return this.replica?.status().raft.commitIndex ?? null;
  }

  #look(replica: Replica): void {
    this.watch.stepped(replica.status().raft);
  }

  #record(what: string, details: readonly unknown[]): void {
    const { trace, queue } = this.#setup;
    trace.record({ atUs: queue.nowUs, who: this.host, what, details });
  }

  #createRuntime(): Runtime {
    const { queue, random, wallMs, clockRate } = this.#setup;
    const toUs = (ms: number): number => (ms * 1000) / clockRate;
    return {
      defer: (task) => {
        this.later(TURN_US + random.integer(0, TURN_US), task);
      },
      every: (ms, task) => this.#every(toUs(ms), task),
      after: (ms, task) => this.later(toUs(ms), task),
      monotonicMs: () => ((queue.nowUs - this.#startedUs) * clockRate) / 1000,
      wallMs,
      random: random.next,
      fatal: (error) => {
        throw new ProcessEnded(error.message, { cause: error });
      },
    };
  }

  /** As setInterval: turns that were missed in a pause are not made up for. */
  #every(intervalUs: number, task: () => void): () => void {
    let isOn = true;
    const arm = (): void => {
      this.later(intervalUs, () => {
        if (!isOn) return;
        arm();
        task();
      });
    };
    arm();
    return () => {
      isOn = false;
    };
  }
}
