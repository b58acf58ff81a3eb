/**
 * The load generator, a process of its own: closed loop, one request under way per connection, as
 * many connections as asked for, spread over all nodes. Reads its order from argv, answers one JSON
 * line. Run by main.ts.
 */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { GrpcConnection } from "./grpc-connection.ts";
import { HttpConnection } from "./http-connection.ts";
import { Latencies } from "./latency.ts";
import { type LoadOrder, type LoadResult, PERCENTILES, parseOrder } from "./load-order.ts";
import type { LoadConnection, Operation, OperationKind } from "./protocol.ts";

const VALUES = 64;
/** A run with more errors than this proves nothing. */
const ERRORS_MAX = 100;

const createConnection = ({ system, target }: LoadOrder, index: number): LoadConnection => {
  const endpoint = target.endpoints[index % target.endpoints.length] ?? "";
  return system === "etcd"
    ? new GrpcConnection(endpoint)
    : new HttpConnection(endpoint, target.token);
};

class Load {
  readonly #order: LoadOrder;
  readonly #values: readonly Buffer[];
  readonly #latencies = new Latencies();
  #isMeasuring = false;
  #isOver = false;
  #operations = 0;
  #errors = 0;
  #firstError = "";

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#values = Array.from({ length: VALUES }, () => randomBytes(order.valueBytes));
  }

  async run(): Promise<LoadResult> {
    const { connections: count, warmUpSeconds, seconds } = this.#order;
    const connections = Array.from({ length: count }, (_, i) => createConnection(this.#order, i));
    await Promise.all(connections.map(({ ready }) => ready));
    for (const connection of connections) this.#next(connection);
    await elapsed(warmUpSeconds);
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    this.#isMeasuring = true;
    await elapsed(seconds);
    this.#isMeasuring = false;
    const took = (performance.now() - startedAt) / 1000;
    const cpu = process.cpuUsage(cpuBefore);
    this.#isOver = true;
    for (const connection of connections) connection.close();
    const [p50 = 0, p99 = 0] = this.#latencies.percentiles(PERCENTILES);
    return {
      perSecond: this.#latencies.count / took,
      p50,
      p99,
      errors: this.#errors,
      firstError: this.#firstError,
      generatorCpuSeconds: (cpu.user + cpu.system) / 1e6,
      seconds: took,
    };
  }

  #next(connection: LoadConnection): void {
    const startedAt = performance.now();
    const measured = this.#isMeasuring;
    connection.send(this.#operation(), (error) => {
      if (this.#isOver) return;
      if (error !== null) this.#fail(error);
      else if (measured && this.#isMeasuring) this.#latencies.add(performance.now() - startedAt);
      this.#next(connection);
    });
  }

  #operation(): Operation {
    this.#operations += 1;
    const { keys } = this.#order;
    const key = `bench-${String(Math.floor(Math.random() * keys)).padStart(8, "0")}`;
    const value = this.#values[this.#operations % VALUES] ?? Buffer.alloc(0);
    return { kind: this.#kind(), key, value };
  }

  #kind(): OperationKind {
    const { mix } = this.#order;
    if (mix !== "9:1") return mix;
    return this.#operations % 10 === 0 ? "put" : "get";
  }

  #fail(error: string): void {
    this.#errors += 1;
    if (this.#firstError === "") this.#firstError = error;
    if (this.#errors > ERRORS_MAX) throw new Error(`${this.#errors} errors, the first: ${error}`);
  }
}

const elapsed = (seconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });

const result = await new Load(parseOrder(process.argv.slice(2))).run();
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
