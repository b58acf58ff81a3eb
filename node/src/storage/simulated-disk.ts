/**
 * The disk of one simulated node: files and states that outlive its processes. Power cuts lose what
 * was not synced in both; a killed process loses nothing that it had written.
 */
import type { Identity } from "../replica/index.ts";
import {
  type BootstrapRequest,
  bootstrapMember,
  type JoinRecord,
  joinMember,
} from "./bootstrap.ts";
import type { LogOptions } from "./log/log.ts";
import { logFolder, MEMBER_FOLDER, readMember, UNFINISHED_MEMBER_FOLDER } from "./member-files.ts";
import type { StorageOptions } from "./options.ts";
import { SimulatedFiles } from "./simulated-files.ts";
import { type Engine, MemoryEngine } from "./state/index.ts";
import type { StateFolders } from "./state-folders.ts";

export const SIMULATED_ROOT = "/data";

/** Small sizes, so that segments roll and tails overflow within a short simulation. */
export const SIMULATED_STORAGE: StorageOptions = {
  segmentBytes: 32 * 1024,
  zeroFillBytes: 4 * 1024,
  groupBytesMax: 64 * 1024,
  applyBytesMax: 16 * 1024,
  tailBytesMax: 64 * 1024,
  writeBackBytes: 8 * 1024,
  recordCacheBytes: 64 * 1024,
  eraRevisions: 16,
  eraBytes: 4 * 1024,
};

/** The states of a simulated disk: engines in memory by name. */
export class SimulatedStates implements StateFolders {
  readonly #engines = new Map<string, MemoryEngine>();

  open(name: string, done: (engine: Engine) => void): void {
    const found = this.#engines.get(name);
    // What an engine of a former life wrote is there, synced or not: only power cuts lose it.
    const engine = found?.crash(found.unsyncedBatches) ?? new MemoryEngine(name);
    this.#engines.set(name, engine);
    done(engine);
  }

  close(_engine: Engine, done: () => void): void {
    done();
  }

  remove(name: string): void {
    this.#engines.delete(name);
  }

  list(): readonly string[] {
    return [...this.#engines.keys()].sort();
  }

  /** Damages one row of the last state. @returns its name for messages; null when none is there */
  rot(random: () => number): string | null {
    const name = this.list().at(-1) ?? "";
    const key = this.#engines.get(name)?.rot(random()) ?? null;
    return key === null ? null : `${name}, row ${Buffer.from(key).toString("hex")}`;
  }

  /** From now on the disk takes nothing of any state that is open. */
  refuseWriteBacks(error: Error): void {
    for (const engine of this.#engines.values()) engine.refuseWriteBacks(error);
  }

  crash(random: () => number): void {
    for (const [name, engine] of this.#engines) {
      const kept = Math.floor(random() * (engine.unsyncedBatches + 1));
      this.#engines.set(name, engine.crash(kept));
    }
  }
}

export class SimulatedDisk {
  /** For faults: failNext, limitCapacity, misdirectNextWrite, crashAfter, flipBit. */
  readonly files: SimulatedFiles;
  readonly states: SimulatedStates = new SimulatedStates();
  readonly random: () => number;
  readonly #options: StorageOptions;

  /** @param random numbers in [0, 1) of a seeded generator; decides what a crash loses */
  constructor(random: () => number, options: StorageOptions = SIMULATED_STORAGE) {
    this.random = random;
    this.#options = options;
    this.files = new SimulatedFiles(random);
    this.files.makeFolder(SIMULATED_ROOT);
    this.files.syncFolder("/");
  }

  /** Who the node on this disk is; null while it is blank. */
  identity(): Identity | null {
    const unfinished = `${SIMULATED_ROOT}/${UNFINISHED_MEMBER_FOLDER}`;
    this.files.removeTree(unfinished);
    const member = `${SIMULATED_ROOT}/${MEMBER_FOLDER}`;
    return this.files.exists(member) ? readMember(this.files, member).identity : null;
  }

  bootstrap(request: BootstrapRequest): Identity {
    return bootstrapMember(this.files, SIMULATED_ROOT, { ...request, log: this.#logOptions() });
  }

  join(record: JoinRecord): Identity {
    return joinMember(this.files, SIMULATED_ROOT, { ...record, log: this.#logOptions() });
  }

  /** Power fails. The store on it must be dead already or die with it. */
  crash(): void {
    this.files.crash();
    this.states.crash(this.random);
  }

  /** Flips one bit of a log segment. @returns where, for the failure message */
  rotLog(): string {
    const folder = logFolder(`${SIMULATED_ROOT}/${MEMBER_FOLDER}`);
    const names = this.files.list(folder);
    const path = `${folder}/${names[Math.floor(this.random() * names.length)] ?? ""}`;
    const offset = Math.floor(this.random() * this.files.open(path).size());
    this.files.flipBit(path, offset, Math.floor(this.random() * 8));
    return `${path} at byte ${offset}`;
  }

  /** A block of the state rots: reading it fails, as its checksum says. @returns where */
  rotState(): string | null {
    return this.states.rot(this.random);
  }

  #logOptions(): LogOptions {
    return { ...this.#options, random: this.random, onNotice: () => undefined };
  }
}
