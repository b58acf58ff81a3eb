/**
 * The load generator, a process of its own: as many connections as asked for, one request under way
 * on each, spread over all nodes. Closed loop, or open loop at a rate. Reads its order from argv,
 * answers one JSON line. Run by run-load.ts.
 */
import { performance } from "node:perf_hooks";
import { openConnections } from "./connections.ts";
import { Latencies } from "./latency.ts";
import { type LoadResult, PERCENTILES, parseOrder } from "./load-order.ts";
import { Operations } from "./operations.ts";
import { PacedLoad } from "./paced-load.ts";
import type { LoadConnection } from "./protocol.ts";

/** A run with more errors than this proves nothing. */
const ERRORS_MAX = 100;
/** How long after its end an open loop waits for what is late. */
const DRAIN_SECONDS = 20;

const order = parseOrder(process.argv.slice(2));
const operations = new Operations(order);
const latencies = new Latencies();
const failures = { count: 0, first: "" };
/** CPU of this process when the measured time began. */
let cpuBefore = process.cpuUsage();

const elapsed = (seconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });

const fail = (error: string): void => {
  failures.count += 1;
  if (failures.first === "") failures.first = error;
  if (failures.count > ERRORS_MAX) {
    throw new Error(`${failures.count} errors, the first: ${failures.first}`);
  }
};

/** @returns seconds measured */
const closedLoop = async (connections: readonly LoadConnection[]): Promise<number> => {
  const state = { isMeasuring: false, isOver: false };
  const next = (connection: LoadConnection): void => {
    const startedAt = performance.now();
    connection.send(operations.next(), (error) => {
      if (state.isOver) return;
      if (error !== null) fail(error);
      else if (state.isMeasuring) latencies.add(performance.now() - startedAt);
      next(connection);
    });
  };
  for (const connection of connections) next(connection);
  await elapsed(order.warmUpSeconds);
  const startedAt = performance.now();
  cpuBefore = process.cpuUsage();
  state.isMeasuring = true;
  await elapsed(order.seconds);
  state.isMeasuring = false;
  const took = (performance.now() - startedAt) / 1000;
  state.isOver = true;
  return took;
};

/** All requests that were meant to begin in the measured time count, however late they end. */
const openLoop = async (connections: readonly LoadConnection[]): Promise<number> => {
  const load = new PacedLoad({ connections, operations, rate: order.rate, fail });
  load.start(performance.now());
  await elapsed(order.warmUpSeconds);
  const from = performance.now();
  cpuBefore = process.cpuUsage();
  load.measure(latencies);
  await elapsed(order.seconds);
  load.stop();
  const deadline = performance.now() + DRAIN_SECONDS * 1000;
  while (load.waiting > 0 && performance.now() < deadline) await elapsed(0.01);
  load.giveUp(performance.now());
  return (load.lastEndMs - from) / 1000;
};

const connections = await openConnections(order.target, order.connections);
const seconds = await (order.rate > 0 ? openLoop(connections) : closedLoop(connections));
const cpu = process.cpuUsage(cpuBefore);
for (const connection of connections) connection.close();
const [p50 = 0, p99 = 0, max = 0] = latencies.percentiles(PERCENTILES);
const result: LoadResult = {
  perSecond: latencies.count / seconds,
  p50,
  p99,
  max,
  errors: failures.count,
  firstError: failures.first,
  generatorCpuSeconds: (cpu.user + cpu.system) / 1e6,
  seconds,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
