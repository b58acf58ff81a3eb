/**
 * A machine: a name, a disk that outlives processes, a clock, and at most one process. It starts,
 * crashes, pauses and wipes; whatever ends a process without a cause that was injected is a bug.
 */
import type { ClusterId, Member, NodeId } from "../../node/src/raft/index.ts";
import type { ReplicaOptions } from "../../node/src/replica/index.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import { Disk } from "./disk.test-kit.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import { Life } from "./life.test-kit.ts";
import type { Model } from "./model.test-kit.ts";
import type { Network } from "./network.test-kit.ts";
import type { NodeWatch } from "./node-watch.test-kit.ts";
import { observeStore } from "./observed-store.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import { checkState } from "./state-check.test-kit.ts";
import type { System } from "./system.test-kit.ts";
import type { Trace } from "./trace.test-kit.ts";
import { Violation } from "./violation.test-kit.ts";

/** `refused`: its process would not start on what is on the disk. */
export type MachineState = "blank" | "down" | "up" | "refused";

export interface MachineSetup {
  readonly name: string;
  readonly clusterId: ClusterId;
  readonly system: System;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly network: Network;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly options: Omit<ReplicaOptions, "origin">;
  readonly segmentBytes: number;
  readonly diskUs: number;
  readonly clockSkew: number;
  readonly wipedKeepTheirId: boolean;
  readonly model: Model;
  readonly watchOf: (id: NodeId) => NodeWatch;
  /** The run is over: a promise is broken. */
  readonly violated: (violation: Violation) => void;
}

const ORIGIN_MAX = 2 ** 48 - 1;

export class Machine {
  readonly name: string;
  /** Ids that it had on disks that were wiped. */
  readonly lostIds: Set<NodeId> = new Set();
  readonly #setup: MachineSetup;
  readonly #clockRate: number;
  /** The release that its next process runs. */
  #system: System;
  #disk: Disk;
  #life: Life | null = null;
  #state: MachineState = "blank";
  #nodeId: NodeId | null = null;
  #wallOffsetMs = 0;
  /** Bytes on its disk were changed behind its back. */
  #isDamaged = false;
  /** Its disk fails or the power goes at the next write. */
  #isDoomed = false;

  constructor(setup: MachineSetup) {
    this.#setup = setup;
    this.name = setup.name;
    this.#system = setup.system;
    this.#clockRate = setup.random.between(1 - setup.clockSkew, 1 + setup.clockSkew);
    this.#disk = this.#createDisk();
  }

  get state(): MachineState {
    return this.#state;
  }
  get nodeId(): NodeId | null {
    return this.#nodeId;
  }
  get life(): Life | null {
    return this.#life;
  }
  get disk(): Disk {
    return this.#disk;
  }
  /** Its disk holds what was written. */
  get isWell(): boolean {
    return !this.#isDamaged && this.#state !== "refused";
  }
  /** A row of its state can no longer be read, and nobody may know it yet. */
  get hasRot(): boolean {
    return this.#disk.hasRot;
  }
  get addresses(): Pick<Member, "name" | "peerAddress" | "clientAddress"> {
    return { name: this.name, peerAddress: this.name, clientAddress: `http://${this.name}` };
  }

  bootstrap(): void {
    const { clusterId } = this.#setup;
    this.#nodeId = this.#disk.bootstrap({ clusterId, ...this.addresses });
    this.#state = "down";
    this.#record("bootstraps", [this.#nodeId]);
    this.start();
  }

  join(nodeId: NodeId, members: readonly Member[]): void {
    const { clusterId } = this.#setup;
    this.#disk.join({ clusterId, nodeId, name: this.name }, members);
    this.#nodeId = nodeId;
    this.#state = "down";
    this.#record("joins", [nodeId]);
    this.start();
  }

  /** Starts a process on what is on the disk. */
  start(): void {
    if (this.#state !== "down" || this.#nodeId === null) return;
    const { queue, trace, random } = this.#setup;
    this.#state = "up";
    this.#isDoomed = false;
    const life: Life = new Life({
      host: this.name,
      nodeId: this.#nodeId,
      queue,
      trace,
      random: random.fork(`life ${queue.nowUs}`),
      watch: this.#setup.watchOf(this.#nodeId),
      clockRate: this.#clockRate,
      wallMs: () => 1_800_000_000_000 + Math.floor(queue.nowUs / 1000) + this.#wallOffsetMs,
      failed: (error) => this.#failed(error),
    });
    this.#life = life;
    this.#record("starts", [this.#nodeId]);
    life.run(() => this.#open(life));
  }

  /** The power goes: what was not synced is lost. */
  crash(): void {
    if (this.#state !== "up") return;
    this.#record("crashes", []);
    this.#setup.coverage.count("crashes");
    this.#stop("down");
  }

  /** Its next process is of another release; this one ends at once. */
  upgrade(system: System): void {
    this.#system = system;
    this.#record("is upgraded", []);
    this.#setup.coverage.count("upgrades");
    if (this.#state === "up") this.#stop("down");
  }

  pause(): void {
    this.#record("pauses", []);
    this.#life?.pause();
  }

  resume(): void {
    this.#life?.resume();
  }

  jumpClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** The disk is replaced by an empty one. */
  wipe(): void {
    if (this.#state === "up") this.#stop("down");
    const { wipedKeepTheirId } = this.#setup;
    if (this.#nodeId !== null && !wipedKeepTheirId) this.lostIds.add(this.#nodeId);
    this.#record("is wiped", []);
    this.#nodeId = null;
    this.#state = "blank";
    this.#isDamaged = false;
    this.#disk = this.#createDisk();
  }

  /** What follows on this disk may end the process; it must not do worse. */
  damaged(): void {
    this.#isDamaged = true;
  }

  doomed(): void {
    this.#isDoomed = true;
  }

  #createDisk(): Disk {
    const { system, queue, random, trace, diskUs, segmentBytes } = this.#setup;
    return new Disk({
      system,
      queue,
      random: random.fork(`disk ${queue.nowUs}`),
      diskUs,
      segmentBytes,
      noticed: (text) =>
        trace.record({ atUs: queue.nowUs, who: this.name, what: text, details: [] }),
    });
  }

  #open(life: Life): void {
    const { random, network, options, coverage, model } = this.#setup;
    const system = this.#system;
    const origin = random.integer(0, ORIGIN_MAX);
    this.#disk.open({ life, origin, system }, ({ store, recovered }) => {
      life.watch.restarted(recovered, origin);
      const who = `node ${recovered.identity.nodeId}`;
      const found = { reader: store.reader, summary: recovered.summary, who };
      if (!this.hasRot) checkState(found, model, random.fork(`state ${life.startedUs}`));
      coverage.count("states checked after a start");
      const transport = network.plugIn(life);
      life.replica = new system.replica.Replica({
        options: { ...options, origin },
        recovered,
        store: observeStore(store, life.watch, coverage),
        transport,
        runtime: life.runtime,
        observer: {
          onConfiguration: () => coverage.count("configurations seen"),
          onRemoved: () => coverage.count("removals learnt"),
        },
      });
      life.replica.start();
    });
  }

  /** Something threw in the process. Only damage that was done on purpose excuses it. */
  #failed(error: unknown): void {
    if (error instanceof Violation) {
      this.#setup.violated(error);
      return;
    }
    const wasOpening = this.#life?.replica === null;
    this.#record("ends", [error]);
    if (this.#isDoomed || this.#isDamaged) {
      this.#setup.coverage.count(wasOpening ? "refusals to start" : "ends by a bad disk");
      const isHopeless = this.#isDamaged && (wasOpening || this.hasRot);
      this.#stop(isHopeless ? "refused" : "down");
      return;
    }
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#setup.violated(new Violation("no crash without a cause", `${this.name}: ${detail}`));
  }

  #stop(state: MachineState): void {
    this.#life?.end();
    this.#life = null;
    this.#disk.crash();
    this.#state = state;
  }

  #record(what: string, details: readonly unknown[]): void {
    const { trace, queue } = this.#setup;
    trace.record({ atUs: queue.nowUs, who: this.name, what, details });
  }
}
