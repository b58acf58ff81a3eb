/**
 * Reads that wait until the local state is linearizable (ReadIndex, §6.4). All reads that arrive
 * in one turn of the loop share one barrier; a barrier that was dropped with its leader is asked
 * for again, because a read has no effect.
 */
import type { LogIndex, ReadGrant } from "../raft/index.ts";
import { NumberedQueue } from "./numbered-queue.ts";
import { requestCount, toRequestId } from "./request-id.ts";
import { ReplicaError, type ReplicaErrorCode } from "./service.ts";

interface Waiter {
  readonly deadlineAtMs: number;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: ReplicaError) => void;
  done: boolean;
}

interface Granted {
  readonly index: LogIndex;
  readonly waiters: readonly Waiter[];
}

export class ReadBarriers {
  readonly #readsMax: number;
  #joining: Waiter[] = [];
  readonly #asked = new NumberedQueue<readonly Waiter[]>();
  #granted: Granted[] = [];
  #waiting = 0;
  #retryAtNextTick = false;

  constructor(readsMax: number) {
    this.#readsMax = readsMax;
  }

  /** Reads that wait. */
  get pending(): number {
    return this.#waiting;
  }

  /** @throws ReplicaError OVERLOADED at the limit. */
  wait(deadlineAtMs: number): Promise<LogIndex> {
    if (this.#waiting >= this.#readsMax) {
      const detail = `${this.#waiting} reads wait on this node (limit ${this.#readsMax})`;
      return Promise.reject(new ReplicaError("OVERLOADED", detail));
    }
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      this.#joining.push({ deadlineAtMs, resolve, reject, done: false });
    });
  }

  /** The id of a new barrier for all reads that joined since the last one; null when none did. */
  ask(): number | null {
    if (this.#joining.length === 0 || this.#retryAtNextTick) return null;
    const count = this.#asked.push(this.#joining);
    this.#joining = [];
    return toRequestId("read", count);
  }

  granted(grants: readonly ReadGrant[], appliedIndex: LogIndex): void {
    for (const { id, index } of grants) {
      const waiters = this.#asked.take(requestCount(id));
      if (waiters !== undefined) this.#granted.push({ index, waiters });
    }
    this.applied(appliedIndex);
  }

  /** The core could not confirm it: its reads join the next barrier, at the next tick. */
  dropped(id: number): void {
    const waiters = this.#asked.take(requestCount(id));
    if (waiters === undefined) return;
    this.#joining.push(...waiters.filter((waiter) => !waiter.done));
    this.#retryAtNextTick = true;
  }

  /** Serves the reads whose index is applied. */
  applied(appliedIndex: LogIndex): void {
    if (this.#granted.length === 0) return;
    const later: Granted[] = [];
    for (const granted of this.#granted) {
      if (granted.index > appliedIndex) later.push(granted);
      else for (const waiter of granted.waiters) this.#resolve(waiter, granted.index);
    }
    this.#granted = later;
  }

  /** Ends reads whose deadline has passed, and lets dropped ones be asked for again. */
  tick(nowMs: number): void {
    this.#retryAtNextTick = false;
    const detail = "no quorum confirmed the read before its deadline";
    this.#each((waiter) => {
      if (waiter.deadlineAtMs <= nowMs) this.#reject(waiter, "DEADLINE_EXCEEDED", detail);
    });
    this.#joining = this.#joining.filter((waiter) => !waiter.done);
  }

  /** Ends all. */
  abandon(code: ReplicaErrorCode, detail: string): void {
    this.#each((waiter) => this.#reject(waiter, code, detail));
    this.#joining = [];
    this.#asked.clear();
    this.#granted = [];
  }

  #each(visit: (waiter: Waiter) => void): void {
    this.#joining.forEach(visit);
    for (const waiters of this.#asked.values()) waiters.forEach(visit);
    for (const granted of this.#granted) granted.waiters.forEach(visit);
  }

  #resolve(waiter: Waiter, index: LogIndex): void {
    if (waiter.done) return;
    waiter.done = true;
    this.#waiting -= 1;
    waiter.resolve(index);
  }

  #reject(waiter: Waiter, code: ReplicaErrorCode, detail: string): void {
    if (waiter.done) return;
    waiter.done = true;
    this.#waiting -= 1;
    waiter.reject(new ReplicaError(code, detail));
  }
}
