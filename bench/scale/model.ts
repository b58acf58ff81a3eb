/** What is simulated, and what it is assumed to take. Everything else is the code that ships. */
import type { ReplicaOptions } from "../../node/src/replica/index.ts";
import { STORAGE_DEFAULTS, type StorageOptions } from "../../node/src/storage/options.ts";

export interface Model {
  readonly nodes: number;
  /** There and back between any two nodes, µs, without what a message takes to send. */
  readonly roundTripUs: number;
  /** Without `origin`, which each node draws. */
  readonly options: Omit<ReplicaOptions, "origin">;
  readonly seed: number;
}

/** Each way takes longer than half a round trip by so much of it on average (exponential). */
export const JITTER = 0.02;
/** Of each node's sending, shared by all its messages: 1 Gbit/s. */
export const BYTES_PER_US = 125;
/** One write and fdatasync of the log, and its bytes at 200 MB/s. */
export const SYNC_US = 500;
export const DISK_BYTES_PER_US = 200;
/** The store's thread, for each entry applied: `bench/state.ts`. */
export const APPLY_US = 25;
/** From one thread of a node to the other. */
export const HOP_US = 15;
/** From a callback to the loop's next turn. */
export const TURN_US = 20;

/** As shipped, but files are made no larger than a short run needs. */
export const STORAGE: StorageOptions = {
  ...STORAGE_DEFAULTS,
  zeroFillBytes: 64 * 1024,
  recordCacheBytes: 64 * 1024,
};

/** A small generator of the splitmix family: one seed, one run. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
};
