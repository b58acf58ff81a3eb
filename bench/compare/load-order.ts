/** What main.ts asks of a load process, and what that answers. */
import { parseArgs } from "node:util";
import type { Target } from "./protocol.ts";

export type System = "kvcluster" | "etcd";
export type Mix = "put" | "get" | "9:1";

export const PERCENTILES: readonly number[] = [0.5, 0.99];

export interface LoadOrder {
  readonly system: System;
  readonly target: Target;
  readonly mix: Mix;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Keys are drawn at random from so many. */
  readonly keys: number;
  readonly valueBytes: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly firstError: string;
  readonly generatorCpuSeconds: number;
  readonly seconds: number;
}

/** The token goes through the environment: arguments are readable by everybody. */
export const TOKEN_VARIABLE = "BENCH_TOKEN";

export const orderArguments = (order: LoadOrder): string[] => [
  ...["--system", order.system, "--endpoints", order.target.endpoints.join(",")],
  ...["--mix", order.mix, "--connections", String(order.connections)],
  ...["--seconds", String(order.seconds), "--warmup", String(order.warmUpSeconds)],
  ...["--keys", String(order.keys), "--value", String(order.valueBytes)],
];

const isMix = (text: string): text is Mix => text === "put" || text === "get" || text === "9:1";

export const parseOrder = (argv: readonly string[]): LoadOrder => {
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
    },
  });
  if (!isMix(values.mix)) throw new RangeError(`--mix is put, get or 9:1, not ${values.mix}`);
  return {
    system: values.system === "etcd" ? "etcd" : "kvcluster",
    target: {
      endpoints: values.endpoints.split(","),
      token: process.env[TOKEN_VARIABLE] ?? "",
    },
    mix: values.mix,
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values.warmup),
    keys: Number(values.keys),
    valueBytes: Number(values.value),
  };
};
