/** What every part of the benchmark is given, and what it gives back. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { startEtcd } from "./etcd-system.ts";
import type { Measurement } from "./goals.ts";
import { startKvCluster } from "./kvcluster-system.ts";
import type { System } from "./protocol.ts";
import { warmUp } from "./run-load.ts";
import type { RunningSystem } from "./running-system.ts";
import type { Sizes } from "./sizes.ts";

export interface BenchContext {
  /** For data; each system's is removed when it has been measured. */
  readonly folder: string;
  /** The binary; null: only KVCluster is measured. */
  readonly etcd: string | null;
  readonly sizes: Sizes;
  /** Progress, a line. */
  readonly say: (text: string) => void;
}

export interface PartReport {
  /** Markdown: what was done, and its tables. */
  readonly text: string;
  /** For the table of goals. */
  readonly measurements: readonly Measurement[];
}

export interface Part {
  readonly name: string;
  /** Heading of its section. */
  readonly title: string;
  run(context: BenchContext): Promise<PartReport>;
}

export interface Both<T> {
  readonly kvcluster: T;
  /** null where no etcd was found. */
  readonly etcd: T | null;
}

export const VALUE_BYTES = 256;
export const KEYS = 100_000;

export const mebibytes = (bytes: number): string => String(Math.round(bytes / 1024 ** 2));
export const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);
export const rate = (perSecond: number): string => Math.round(perSecond).toLocaleString("en-US");
export const count = (number: number): string => number.toLocaleString("en-US");

export const elapsed = (seconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });

/** The middle one; of an even number the lower. NaN of none. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? Number.NaN;

/** Starts a system on an empty folder, uses it, stops it and removes what it wrote. */
export const withSystem = async <T>(
  context: BenchContext,
  system: System,
  use: (running: RunningSystem) => Promise<T>,
): Promise<T> => {
  const folder = join(context.folder, system);
  const { etcd } = context;
  try {
    const running = await (system === "etcd" && etcd !== null
      ? startEtcd(etcd, folder)
      : startKvCluster(folder));
    try {
      return await use(running);
    } finally {
      await running.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** The same with both systems, one after the other. */
export const onBoth = async <T>(
  context: BenchContext,
  use: (running: RunningSystem) => Promise<T>,
): Promise<Both<T>> => {
  const kvcluster = await withSystem(context, "kvcluster", use);
  return { kvcluster, etcd: context.etcd === null ? null : await withSystem(context, "etcd", use) };
};

/**
 * Both at once, for loads that take turns: a machine that grows slower or faster for a while, or a
 * disk that is still busy, then meets both.
 */
export const withBoth = <T>(
  context: BenchContext,
  use: (both: Both<RunningSystem>) => Promise<T>,
): Promise<T> =>
  withSystem(context, "kvcluster", (kvcluster) =>
    context.etcd === null
      ? use({ kvcluster, etcd: null })
      : withSystem(context, "etcd", (etcd) => use({ kvcluster, etcd })),
  );

/** A mixed load on each before the first measured one: servers run for long. */
export const warmUpBoth = async (
  { kvcluster, etcd }: Both<RunningSystem>,
  { sizes }: BenchContext,
): Promise<void> => {
  await warmUp(kvcluster, sizes.firstSeconds);
  if (etcd !== null) await warmUp(etcd, sizes.firstSeconds);
};

/** Ours divided by etcd's; null without etcd. */
export const ratioOf = <T>({ kvcluster, etcd }: Both<T>, of: (one: T) => number): number | null =>
  etcd === null ? null : of(kvcluster) / of(etcd);

export const showRatio = (ratio: number | null): string =>
  ratio === null || !Number.isFinite(ratio) ? "–" : ratio.toFixed(2);

/** A table in Markdown. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
