/**
 * What one seed plays: sizes, limits, weather and which faults, drawn at random ("swarm testing",
 * Groce et al. 2012): a run without one fault reaches what a run with all of them hides.
 */
import type { RaftOptions } from "../../node/src/raft/index.ts";
import type { ReplicaOptions } from "../../node/src/replica/index.ts";
import type { NetworkWeather } from "./network.test-kit.ts";
import type { Random } from "./random.test-kit.ts";

export type FaultName =
  | "crash"
  | "crashAll"
  | "crashAtWrite"
  | "pause"
  | "isolate"
  | "split"
  | "oneWay"
  | "cutOff"
  | "stall"
  | "failedSync"
  | "fullDisk"
  | "clockJump"
  | "storm"
  | "flipBit"
  | "misdirect"
  | "loseVolume"
  | "slowDisk"
  | "rotState";

const FAULTS: readonly FaultName[] = [
  "crash",
  "crashAll",
  "crashAtWrite",
  "pause",
  "isolate",
  "split",
  "oneWay",
  "cutOff",
  "stall",
  "failedSync",
  "fullDisk",
  "clockJump",
  "storm",
  "flipBit",
  "misdirect",
  "loseVolume",
];

/** Drawn apart, so that what older seeds play stays as it was. */
const LATER_FAULTS: readonly FaultName[] = ["slowDisk", "rotState"];

const DAY_US = 86_400_000_000;

export interface Scenario {
  readonly machines: number;
  readonly votersWanted: number;
  readonly clients: number;
  readonly keys: number;
  /** Mean pause of a client between two operations, µs. */
  readonly thinkUs: number;
  readonly safetyUs: number;
  readonly faults: readonly FaultName[];
  /** Mean time between two faults, µs. */
  readonly faultEveryUs: number;
  /** Mean time between two membership changes; 0: members stay. */
  readonly churnEveryUs: number;
  readonly transferEveryUs: number;
  readonly weather: NetworkWeather;
  /** Mean time of one disk write, µs. */
  readonly diskUs: number;
  /** Clocks run by so much too fast or too slow at most. */
  readonly clockSkew: number;
  /** A wrong administrator: a wiped node gets its old id back. For mutants. */
  readonly wipedKeepTheirId: boolean;
  /** In the liveness phase a minority of the voters stays down. */
  readonly minorityStaysDown: boolean;
  readonly options: Omit<ReplicaOptions, "origin">;
  readonly segmentBytes: number;
  /** Messages are encoded and decoded as on a real connection. */
  readonly onTheWire: boolean;
  /** Quiet time between and after the rounds of faults, µs each. */
  readonly quietUs: number;
  /** How often the cluster is harmed and healed. */
  readonly rounds: number;
}

const drawRaft = (random: Random): RaftOptions => ({
  electionTimeoutTicks: random.integer(6, 12),
  heartbeatTicks: random.integer(1, 3),
  appendBytesMax: random.pick([256, 1024, 64 * 1024]),
  appendsAheadMax: random.pick([1, 2, 64]),
  inflightMessagesMax: random.pick([1, 4, 64]),
  inflightBytesMax: random.pick([1024, 1024 * 1024]),
  uncommittedBytesMax: random.pick([4 * 1024, 1024 * 1024]),
  cacheBytesMax: random.pick([0, 2048, 1024 * 1024]),
  promotionGapMax: random.pick([5, 50]),
  promotionTicks: random.integer(3, 20),
  pendingReadsMax: random.pick([4, 1000]),
});

const drawOptions = (random: Random): Omit<ReplicaOptions, "origin"> => {
  const logEntriesKept = random.pick([0, 5, 20, 100]);
  return {
    raft: drawRaft(random),
    tickMs: 20,
    inboxItemsMax: random.pick([16, 1000]),
    inboxBytesMax: random.pick([4 * 1024, 1024 * 1024]),
    proposalsMax: random.pick([4, 1000]),
    proposalBytesMax: random.pick([2048, 1024 * 1024]),
    readsMax: random.pick([4, 1000]),
    adminRequestsMax: 4,
    logEntriesKept,
    logEntriesKeptMax: logEntriesKept + random.pick([10, 50, 500]),
    logTrimEntries: random.pick([1, 10, 50]),
    snapshotsSentMax: random.integer(1, 2),
    healthCheckMs: 1000,
    healthTimeoutMs: 3000,
    hashCheckMs: random.pick([500, 2000]),
    diskStallMs: random.pick([300, 2000]),
    historyKeptRevisions: random.pick([0, 20, 200]),
    historyCheckMs: 500,
  };
};

const drawWeather = (random: Random): NetworkWeather => ({
  loss: random.chance(0.3) ? 0 : random.between(0, 0.3),
  duplication: random.chance(0.3) ? 0 : random.between(0, 0.2),
  reorder: random.chance(0.3) ? 0 : random.between(0, 0.3),
  detourUs: random.pick([5_000, 100_000, 1_000_000]),
  latencyUs: random.pick([200, 1_000, 5_000]),
  streamBreak: random.pick([0, 0.05, 0.3]),
  chunkDamage: random.pick([0, 0.02]),
});

export const drawScenario = (random: Random): Scenario => {
  const later = random.fork("later");
  const votersWanted = random.pick([1, 2, 3, 3, 3, 4, 5, 5]);
  const hasChurn = random.chance(0.6);
  return {
    machines: votersWanted + random.integer(1, 2),
    votersWanted,
    clients: random.integer(3, 8),
    keys: random.pick([3, 10, 40]),
    thinkUs: random.pick([2_000, 20_000, 60_000]),
    safetyUs: random.integer(10, 25) * 1_000_000,
    faults: [
      ...FAULTS.filter(() => random.chance(0.5)),
      ...LATER_FAULTS.filter(() => later.chance(0.3)),
    ],
    faultEveryUs: random.pick([200_000, 600_000, 2_000_000]),
    churnEveryUs: hasChurn ? random.pick([700_000, 3_000_000]) : 0,
    transferEveryUs: random.pick([0, 1_000_000, 4_000_000]),
    weather: drawWeather(random),
    diskUs: random.pick([100, 1_000, 5_000]),
    clockSkew: 0.1,
    wipedKeepTheirId: false,
    minorityStaysDown: random.chance(0.5),
    options: drawOptions(random),
    segmentBytes: random.pick([4 * 1024, 16 * 1024, 256 * 1024]),
    onTheWire: random.chance(0.2),
    quietUs: later.integer(4, 12) * DAY_US,
    rounds: later.chance(0.2) ? 2 : 1,
  };
};

/** Weather in which progress is required. */
export const calmWeather: NetworkWeather = {
  loss: 0,
  duplication: 0,
  reorder: 0,
  detourUs: 0,
  latencyUs: 500,
  streamBreak: 0,
  chunkDamage: 0,
};
