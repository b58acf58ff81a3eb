/**
 * `make bench-scale`: the shipped driver, core, store and frames in simulated time, with 3, 5 and 7
 * nodes and round trips of 0.1, 1 and 30 ms. What a processor takes is not simulated. The same seed
 * gives the same figures, on any machine. `--write` puts the tables into docs/benchmarks.md.
 */
import { parseArgs } from "node:util";
import { milliseconds, rate, table } from "../compare/bench-context.ts";
import { commitMeasured, publish } from "../compare/publish.ts";
import { type Entrance, type LoadMeasure, measureElections, measureLoad } from "./measures.ts";
import { APPLY_US, DISK_BYTES_PER_US, type Model, SYNC_US } from "./model.ts";
import { DEFAULT_TIMEOUTS, describe, optionsWith, TIMEOUTS } from "./timeouts.ts";

const { values: flags } = parseArgs({
  options: {
    nodes: { type: "string", default: "3,5,7" },
    roundTrips: { type: "string", default: "0.1,1,30" },
    inFlight: { type: "string", default: "1,64,256" },
    puts: { type: "string", default: "3000" },
    elections: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
  },
});

const numbers = (text: string): readonly number[] => text.split(",").map(Number);

const nodes = numbers(flags.nodes);
const roundTripsMs = numbers(flags.roundTrips);
const inFlight = numbers(flags.inFlight);
/** Elections are tried at both ends of the sizes. */
const electionNodes = [...new Set([nodes[0] ?? 3, nodes.at(-1) ?? 3])];
const LONE_PUTS = 300;
const WARM_UP_PUTS = 50;

const modelOf = (nodeCount: number, roundTripMs: number): Model => ({
  nodes: nodeCount,
  roundTripUs: roundTripMs * 1000,
  options: optionsWith(DEFAULT_TIMEOUTS),
  seed: Number(flags.seed),
});

const lone = (model: Model, entrance: Entrance): Promise<LoadMeasure> =>
  measureLoad({ ...model, entrance, inFlight: 1, puts: LONE_PUTS, warmUpPuts: WARM_UP_PUTS });

const loneTable = async (): Promise<string> => {
  const rows: string[][] = [];
  for (const nodeCount of nodes) {
    const near = modelOf(nodeCount, 0);
    const base = { leader: await lone(near, "leader"), follower: await lone(near, "follower") };
    for (const roundTripMs of roundTripsMs) {
      const model = modelOf(nodeCount, roundTripMs);
      const leader = await lone(model, "leader");
      const follower = await lone(model, "follower");
      const trips = (one: LoadMeasure, without: LoadMeasure): string =>
        ((one.latency.p50 - without.latency.p50) / roundTripMs).toFixed(2);
      rows.push([
        String(nodeCount),
        String(roundTripMs),
        ...[leader.latency.p50, leader.latency.p99].map(milliseconds),
        trips(leader, base.leader),
        ...[follower.latency.p50, follower.latency.p99].map(milliseconds),
        trips(follower, base.follower),
      ]);
    }
  }
  const head = ["p50 ms", "p99 ms", "round trips"];
  return table(
    [
      ...["nodes", "round trip, ms"],
      ...head.map((name) => `at the leader: ${name}`),
      ...head.map((name) => `at a follower: ${name}`),
    ],
    rows,
  );
};

const pipelineTable = async (): Promise<string> => {
  const rows: string[][] = [];
  for (const nodeCount of nodes) {
    for (const roundTripMs of roundTripsMs) {
      for (const count of inFlight) {
        const puts = count === 1 ? LONE_PUTS : Math.max(Number(flags.puts), count * 4);
        const warmUpPuts = Math.max(WARM_UP_PUTS, count * 2);
        const model = modelOf(nodeCount, roundTripMs);
        const load = { entrance: "any", inFlight: count, puts, warmUpPuts } as const;
        const one = await measureLoad({ ...model, ...load });
        rows.push([
          ...[String(nodeCount), String(roundTripMs), String(count)],
          rate(one.perSecond),
          ...[one.latency.p50, one.latency.p99].map(milliseconds),
          one.messagesPerPut.toFixed(2),
          rate(one.bytesPerPut),
          one.syncsPerPut.toFixed(2),
        ]);
      }
    }
  }
  return table(
    [
      ...["nodes", "round trip, ms", "in flight", "puts/s without a processor's limit"],
      ...["p50 ms", "p99 ms", "messages a put", "bytes a put", "syncs a put, all nodes"],
    ],
    rows,
  );
};

const electionTable = async (): Promise<string> => {
  const rows: string[][] = [];
  for (const timeouts of TIMEOUTS) {
    for (const nodeCount of electionNodes) {
      for (const roundTripMs of roundTripsMs) {
        const model = { ...modelOf(nodeCount, roundTripMs), options: optionsWith(timeouts) };
        const { ended, silent, needless } = await measureElections(model, Number(flags.elections));
        rows.push([
          describe(timeouts),
          ...[String(nodeCount), String(roundTripMs)],
          ...[ended.p50, ended.p99, silent.p50, silent.p99].map(rate),
          String(needless),
        ]);
      }
    }
  }
  return table(
    [
      ...["election timeout / heartbeat / tick, ms", "nodes", "round trip, ms"],
      ...["process ended: median, ms", "worst", "machine silent: median, ms", "worst"],
      "needless elections in a minute",
    ],
    rows,
  );
};

const startedAt = performance.now();
const report = [
  "### A lone put",
  `A sync takes ${SYNC_US / 1000} ms and a byte of the log 1/${DISK_BYTES_PER_US} µs, an apply ` +
    `${APPLY_US} µs, a node sends 1 Gbit/s. Round trips are the median's difference to the same ` +
    "cluster without any way between its nodes, in round trips.",
  await loneTable(),
  "### Many puts at once",
  "256-byte values, a closed loop of so many puts over all nodes in turn. Messages and bytes are " +
    "those of all nodes to each other, heartbeats left out.",
  await pipelineTable(),
  "### Elections",
  `The leader ends ${flags.elections} times each way; a put begins every 10 ms at the others. ` +
    "Worst is the 99th percentile of so many.",
  await electionTable(),
].join("\n\n");
const seconds = Math.round((performance.now() - startedAt) / 1000);
process.stdout.write(`${report}\n\n(simulated in ${seconds} s, seed ${flags.seed})\n`);
if (flags.write) {
  publish("cost", `Simulated at ${commitMeasured()}, seed ${flags.seed}.\n\n${report}`);
}
