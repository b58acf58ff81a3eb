/** What is measured in a simulated cluster: lone puts, many puts at once, and elections. */
import { type Model, seeded } from "./model.ts";
import { VirtualCluster } from "./virtual-cluster.ts";

const VALUE_BYTES = 256;
const KEYS = 10_000;
/** Simulated time that nothing here may take, µs. */
const PATIENCE_US = 600_000_000;

const value = new Uint8Array(VALUE_BYTES).fill(7);

const keyOf = (number: number): string => `scale-${String(number).padStart(8, "0")}`;

export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** @param values at least one */
export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
};

/** Where a put comes in. */
export type Entrance = "leader" | "follower" | "any";

export interface LoadModel extends Model {
  readonly entrance: Entrance;
  /** Puts under way, each followed by the next. */
  readonly inFlight: number;
  readonly puts: number;
  /** Puts before those that count. */
  readonly warmUpPuts: number;
}

export interface LoadMeasure {
  /** Of a put, ms. */
  readonly latency: Spread;
  readonly perSecond: number;
  /** Between nodes, heartbeats left out. */
  readonly messagesPerPut: number;
  readonly bytesPerPut: number;
  /** Of all nodes' logs together. */
  readonly syncsPerPut: number;
  /** Events of the simulation. */
  readonly steps: number;
}

interface Counters {
  readonly us: number;
  readonly messages: number;
  readonly bytes: number;
  readonly syncs: number;
}

const countersOf = ({ time, network, syncs }: VirtualCluster): Counters => ({
  us: time.nowUs,
  ...network.traffic,
  syncs,
});

/** A closed loop of puts of 256 bytes. */
export const measureLoad = async (model: LoadModel): Promise<LoadMeasure> => {
  const { entrance, inFlight, puts, warmUpPuts, nodes } = model;
  const cluster = new VirtualCluster(model);
  const leader = await cluster.elect();
  const chosen = (put: number): number => {
    if (entrance === "leader") return leader;
    return entrance === "follower" ? (leader + 1) % nodes : put % nodes;
  };
  const latencies: number[] = [];
  let begun = 0;
  let done = 0;
  let before: Counters | null = null;
  const run = async (): Promise<void> => {
    while (begun < warmUpPuts + puts) {
      begun += 1;
      const startUs = cluster.time.nowUs;
      await cluster.put(chosen(begun), keyOf(Math.floor(cluster.random() * KEYS)), value);
      done += 1;
      if (done === warmUpPuts) before = countersOf(cluster);
      else if (done > warmUpPuts) latencies.push((cluster.time.nowUs - startUs) / 1000);
    }
  };
  const failures: unknown[] = [];
  for (let slot = 0; slot < inFlight; slot += 1) run().catch((error) => failures.push(error));
  await cluster.time.runUntil(() => done >= warmUpPuts + puts || failures.length > 0, PATIENCE_US);
  if (failures.length > 0) throw failures[0];
  const after = countersOf(cluster);
  const from: Counters = before ?? { us: 0, messages: 0, bytes: 0, syncs: 0 };
  return {
    latency: spreadOf(latencies),
    perSecond: (puts * 1e6) / (after.us - from.us),
    messagesPerPut: (after.messages - from.messages) / puts,
    bytesPerPut: (after.bytes - from.bytes) / puts,
    syncsPerPut: (after.syncs - from.syncs) / puts,
    steps: cluster.time.steps,
  };
};

const PROBE_EVERY_US = 10_000;
const UNDISTURBED_US = 60_000_000;

/** @returns ms from the end of the leader to the next put that a living node acknowledges */
const killLeader = async (model: Model, isNoticed: boolean): Promise<number> => {
  const cluster = new VirtualCluster(model);
  const leader = await cluster.elect();
  // At any point of the leader's heartbeats.
  await cluster.time.pass(1_000_000 + cluster.random() * model.options.tickMs * 10_000);
  const killedUs = cluster.time.nowUs;
  cluster.kill(leader, isNoticed);
  const state = { acknowledgedUs: 0, probes: 0 };
  const probe = (): void => {
    if (state.acknowledgedUs > 0) return;
    const living = cluster.living;
    const at = living[state.probes % living.length] ?? 0;
    state.probes += 1;
    cluster.put(at, keyOf(state.probes), value).then(
      () => {
        if (state.acknowledgedUs === 0) state.acknowledgedUs = cluster.time.nowUs;
      },
      // Sent to the leader that ended, its outcome is unknown: one of the next ones counts.
      () => undefined,
    );
    cluster.time.after(PROBE_EVERY_US, probe);
  };
  probe();
  await cluster.time.runUntil(() => state.acknowledgedUs > 0, PATIENCE_US);
  return (state.acknowledgedUs - killedUs) / 1000;
};

export interface ElectionMeasure {
  /** Process ended, connections broke: ms until a put succeeds again. */
  readonly ended: Spread;
  /** Machine gone, nothing but silence. */
  readonly silent: Spread;
  /** Changes of the term in a minute in which nothing happened. */
  readonly needless: number;
}

/** @param runs leaders ended, each way */
export const measureElections = async (model: Model, runs: number): Promise<ElectionMeasure> => {
  const draw = seeded(model.seed);
  const times = async (isNoticed: boolean): Promise<Spread> => {
    const all: number[] = [];
    for (let n = 0; n < runs; n += 1) {
      const seed = Math.floor(draw() * 1_000_000);
      all.push(await killLeader({ ...model, seed }, isNoticed));
    }
    return spreadOf(all);
  };
  const ended = await times(true);
  const silent = await times(false);
  const calm = new VirtualCluster(model);
  await calm.elect();
  const term = calm.term();
  await calm.time.pass(UNDISTURBED_US);
  return { ended, silent, needless: calm.term() - term };
};
