/** How long and how much: the whole benchmark, and a short form that only shows that it runs. */

export interface Sizes {
  /** Of each measured load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Turns of each system at each load, one after the other; the median turn is told. */
  readonly turns: number;
  /** Of puts alone, whose rate changes most from turn to turn: files are merged now and then. */
  readonly putTurns: number;
  /** Of a mixed load before the first measured one: servers run for long. */
  readonly firstSeconds: number;
  readonly connections: readonly number[];
  /** Keys of the parts `million` and `growth`: 1 M and as many as fit. */
  readonly manyKeys: number;
  readonly grownKeys: number;
  /** Filling for `growth` stops after so long; what is there then is what is measured. */
  readonly growSecondsMax: number;
  /** Before memory at rest is read: V8 and Go have given back by then what a load left behind. */
  readonly restSeconds: number;
  /** Restarts of a node with many keys. */
  readonly restarts: number;
  /** Leaders killed. */
  readonly failovers: number;
  readonly pagedKeys: number;
}

export const FULL: Sizes = {
  seconds: 8,
  warmUpSeconds: 3,
  turns: 3,
  putTurns: 9,
  firstSeconds: 15,
  connections: [1, 64, 256],
  manyKeys: 1_000_000,
  grownKeys: 3_000_000,
  growSecondsMax: 420,
  restSeconds: 90,
  restarts: 5,
  failovers: 11,
  pagedKeys: 100_000,
};

export const QUICK: Sizes = {
  seconds: 1,
  warmUpSeconds: 0.5,
  turns: 1,
  putTurns: 1,
  firstSeconds: 0.5,
  connections: [1, 64, 256],
  manyKeys: 5_000,
  grownKeys: 15_000,
  growSecondsMax: 10,
  restSeconds: 1,
  restarts: 1,
  failovers: 2,
  pagedKeys: 5_000,
};
