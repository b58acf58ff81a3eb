/**
 * Keeps a node from filling its own disk: with less than the configured reserve free, writes that
 * store data are refused with a clear error while deletes, compaction and reads go on, so that an
 * operator can make room before a failed write ends the process.
 */
import { statfs } from "node:fs/promises";
import type { Command, CommandResult } from "./kv/index.ts";
import type { LogIndex } from "./raft/index.ts";
import {
  type AdminRequest,
  ReplicaError,
  type ReplicaService,
  type ReplicaStatus,
  type Runtime,
  type StateReader,
  type StoreStats,
} from "./replica/index.ts";

const CHECK_MS = 1000;

export interface DiskGuardOptions {
  readonly path: string;
  /** 0: no reserve. */
  readonly freeBytesMin: number;
  readonly runtime: Pick<Runtime, "every">;
  /** Told when the reserve is reached and when there is room again. */
  readonly onChange: (isLow: boolean, freeBytes: number) => void;
  /** The file system did not answer. */
  readonly onError: (error: unknown) => void;
}

/** The file system of the data folder, as last looked at. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  readonly #stop: () => void;
  #isLow = false;
  #space: DiskSpace | null = null;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
    this.#stop = this.#start();
  }

  /** Why `command` may not be proposed now; null when it may. */
  refusal(command: Command): ReplicaError | null {
    if (!this.#isLow || (command.type !== "put" && command.type !== "batch")) return null;
    const { path, freeBytesMin } = this.#options;
    return new ReplicaError(
      "OVERLOADED",
      `disk almost full: ${path} has ${this.#space?.freeBytes} bytes free, ${freeBytesMin} are ` +
        "kept in reserve; free space, grow the volume, or delete keys and compact",
    );
  }

  /** null until the file system has answered for the first time. */
  space(): DiskSpace | null {
    return this.#space;
  }

  close(): void {
    this.#stop();
  }

  #start(): () => void {
    const check = (): void => {
      this.#check().catch(this.#options.onError);
    };
    check();
    return this.#options.runtime.every(CHECK_MS, check);
  }

  async #check(): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(this.#options.path);
    const freeBytes = bavail * bsize;
    this.#space = { freeBytes, sizeBytes: blocks * bsize };
    const isLow = freeBytes < this.#options.freeBytesMin;
    if (isLow !== this.#isLow) this.#options.onChange(isLow, freeBytes);
    this.#isLow = isLow;
  }
}

/** A replica whose proposals pass the guard first. */
export class GuardedReplica implements ReplicaService {
  readonly reader: StateReader;
  readonly #replica: ReplicaService;
  readonly #guard: DiskGuard;

  constructor(replica: ReplicaService, guard: DiskGuard) {
    this.reader = replica.reader;
    this.#replica = replica;
    this.#guard = guard;
  }

  propose(command: Command, deadlineMs: number): Promise<CommandResult> {
    const refusal = this.#guard.refusal(command);
    return refusal === null ? this.#replica.propose(command, deadlineMs) : Promise.reject(refusal);
  }
  readBarrier(deadlineMs: number): Promise<LogIndex> {
    return this.#replica.readBarrier(deadlineMs);
  }
  stalenessMs(): number | null {
    return this.#replica.stalenessMs();
  }
  admin(request: AdminRequest, deadlineMs: number): Promise<LogIndex> {
    return this.#replica.admin(request, deadlineMs);
  }
  status(): ReplicaStatus {
    return this.#replica.status();
  }
  storeStats(): StoreStats {
    return this.#replica.storeStats();
  }
}
