/** What main.ts asks of a load process, and what that answers. */
import { parseArgs } from "node:util";
import type { Target } from "./protocol.ts";

export type { System } from "./protocol.ts";
export type Mix = "put" | "get" | "9:1" | "batch";

export const PERCENTILES: readonly number[] = [0.5, 0.99, 1];
/** Puts in one request of the mix `batch`: etcd's default limit, and KVCluster's. */
export const BATCH_PUTS = 128;

export interface LoadOrder {
  readonly target: Target;
  readonly mix: Mix;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Keys are drawn at random from so many. */
  readonly keys: number;
  readonly valueBytes: number;
  /**
   * Requests begun a second, evenly (open loop: latency from the intended start, whether a
   * connection was free or not); 0: each connection sends the next when the last is answered.
   */
  readonly rate?: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly errors: number;
  readonly firstError: string;
  readonly generatorCpuSeconds: number;
  readonly seconds: number;
}

/** The token goes through the environment: arguments are readable by everybody. */
export const TOKEN_VARIABLE = "BENCH_TOKEN";

export const orderArguments = (order: LoadOrder): string[] => [
  ...["--system", order.target.system, "--endpoints", order.target.endpoints.join(",")],
  ...["--mix", order.mix, "--connections", String(order.connections)],
  ...["--seconds", String(order.seconds), "--warmup", String(order.warmUpSeconds)],
  ...["--keys", String(order.keys), "--value", String(order.valueBytes)],
  ...["--rate", String(order.rate ?? 0)],
];

const isMix = (text: string): text is Mix =>
  text === "put" || text === "get" || text === "9:1" || text === "batch";

/** @throws RangeError on a mix that there is not */
export const toMix = (text: string): Mix => {
  if (!isMix(text)) throw new RangeError(`a mix is put, get, 9:1 or batch, not ${text}`);
  return text;
};

export const parseOrder = (argv: readonly string[]): LoadOrder & { readonly rate: number } => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      system: { type: "string", default: "kvcluster" },
      endpoints: { type: "string", default: "" },
      mix: { type: "string", default: "put" },
      connections: { type: "string", default: "1" },
      seconds: { type: "string", default: "5" },
      warmup: { type: "string", default: "2" },
      keys: { type: "string", default: "100000" },
      value: { type: "string", default: "256" },
      rate: { type: "string", default: "0" },
    },
  });
  return {
    target: {
      system: values.system === "etcd" ? "etcd" : "kvcluster",
      endpoints: values.endpoints.split(","),
      token: process.env[TOKEN_VARIABLE] ?? "",
    },
    mix: toMix(values.mix),
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values.warmup),
    keys: Number(values.keys),
    valueBytes: Number(values.value),
    rate: Number(values.rate),
  };
};
