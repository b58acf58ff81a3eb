/**
 * An open loop: requests begin at even intervals whatever became of those before, and a latency
 * counts from the moment at which its request was meant to begin. A server that stalls is thus
 * charged for all that had to wait meanwhile (no "coordinated omission", G. Tene).
 */
import type { Latencies } from "./latency.ts";
import type { Operations } from "./operations.ts";
import type { LoadConnection } from "./protocol.ts";

export interface PacedLoadSetup {
  readonly connections: readonly LoadConnection[];
  readonly operations: Operations;
  /** Requests a second. */
  readonly rate: number;
  readonly fail: (error: string) => void;
}

export class PacedLoad {
  readonly #setup: PacedLoadSetup;
  readonly #free: LoadConnection[];
  /** Intended starts, ms, of requests for which no connection is free; from `#head` on. */
  #queue: number[] = [];
  #head = 0;
  /** Intended starts of the requests under way. */
  readonly #underWay = new Set<{ readonly intendedMs: number }>();
  #latencies: Latencies | null = null;
  #measuredFromMs = Number.POSITIVE_INFINITY;
  #nextMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #lastEndMs = 0;

  constructor(setup: PacedLoadSetup) {
    this.#setup = setup;
    this.#free = [...setup.connections].reverse();
  }

  /** Requests that are not answered yet. */
  get waiting(): number {
    return this.#queue.length - this.#head + this.#underWay.size;
  }

  /** When the last measured request ended, or was meant to begin if that is later. */
  get lastEndMs(): number {
    return this.#lastEndMs;
  }

  start(nowMs: number): void {
    this.#nextMs = nowMs;
    this.#timer = setInterval(() => this.#begin(), 1);
  }

  /** From now on latencies are kept. */
  measure(latencies: Latencies): void {
    this.#latencies = latencies;
    this.#measuredFromMs = performance.now();
  }

  /** No further request begins. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#begin();
    this.#lastEndMs = Math.max(this.#lastEndMs, performance.now());
  }

  /** What is still not answered counts with the age it has. */
  giveUp(nowMs: number): void {
    for (const { intendedMs } of this.#underWay) this.#ended(intendedMs, nowMs);
    for (const intendedMs of this.#queue.slice(this.#head)) this.#ended(intendedMs, nowMs);
    this.#latencies = null;
  }

  #begin(): void {
    const nowMs = performance.now();
    const everyMs = 1000 / this.#setup.rate;
    for (; this.#nextMs <= nowMs; this.#nextMs += everyMs) this.#queue.push(this.#nextMs);
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined) return;
      if (!this.#send(connection)) {
        this.#free.push(connection);
        return;
      }
    }
  }

  /** Sends what waits longest. @returns false when nothing waits */
  #send(connection: LoadConnection): boolean {
    const intendedMs = this.#queue[this.#head];
    if (intendedMs === undefined) return false;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const request = { intendedMs };
    this.#underWay.add(request);
    connection.send(this.#setup.operations.next(), (error) => {
      this.#underWay.delete(request);
      if (error === null) this.#ended(intendedMs, performance.now());
      else this.#setup.fail(error);
      if (!this.#send(connection)) this.#free.push(connection);
    });
    return true;
  }

  #ended(intendedMs: number, nowMs: number): void {
    if (intendedMs < this.#measuredFromMs || this.#latencies === null) return;
    this.#latencies.add(nowMs - intendedMs);
    this.#lastEndMs = Math.max(this.#lastEndMs, nowMs);
  }
}
