/** One long prefix read page by page, at one revision, while puts into it go on. */
import {
  type BenchContext,
  type Both,
  count,
  median,
  onBoth,
  type Part,
  type PartReport,
  rate,
  ratioOf,
  showRatio,
  table,
  VALUE_BYTES,
} from "../bench-context.ts";
import { openConnection, openConnections } from "../connections.ts";
import { fill } from "../fill.ts";
import { Latencies } from "../latency.ts";
import { Operations } from "../operations.ts";
import { PacedLoad } from "../paced-load.ts";
import { ask, type LoadConnection } from "../protocol.ts";
import type { RunningSystem } from "../running-system.ts";

const PREFIX = "bench-";
const FILL_SECONDS_MAX = 120;
const PUTS_PER_SECOND = 200;
const WALKS_MIN = 3;
const WALKS_MAX = 1000;
const PAGE_SIZES: readonly number[] = [100, 1000];

interface Walk {
  readonly pages: number;
  readonly keys: number;
  readonly ms: number;
  readonly bytes: number;
}

interface Walks {
  /** 0: everything in one answer. */
  readonly limit: number;
  readonly walks: readonly Walk[];
}

/** @throws Error when a page belongs to another revision than the first, or keys are missing */
const walk = async (
  connection: LoadConnection,
  limit: number,
  expectedKeys: number,
): Promise<Walk> => {
  const startedAt = performance.now();
  let [pages, keys, bytes, revision] = [0, 0, 0, 0];
  for (let after: string | null = null; ; ) {
    const request = { prefix: PREFIX, limit, after };
    const body = await ask(connection, { kind: "page", ...request });
    const page = connection.readPage(request, body);
    if (pages > 0 && page.revision !== revision) {
      throw new Error(`page ${pages + 1} is of revision ${page.revision}, the first ${revision}`);
    }
    revision = page.revision;
    pages += 1;
    keys += page.keys;
    bytes += body.length;
    if (page.next === null) break;
    after = page.next;
  }
  if (keys !== expectedKeys) {
    throw new Error(`${keys} of ${expectedKeys} keys in ${pages} pages of ${limit}`);
  }
  return { pages, keys, bytes, ms: performance.now() - startedAt };
};

const walkFor = async (
  running: RunningSystem,
  limit: number,
  { sizes, say }: BenchContext,
): Promise<Walks> => {
  const connection = openConnection(running.target, 0);
  await connection.ready;
  const walks: Walk[] = [];
  const until = performance.now() + sizes.seconds * 1000;
  while (walks.length < WALKS_MIN || (performance.now() < until && walks.length < WALKS_MAX)) {
    walks.push(await walk(connection, limit, sizes.pagedKeys));
  }
  connection.close();
  const ms = median(walks.map((one) => one.ms));
  say(`  ${running.target.system}, pages of ${limit}: ${ms.toFixed(0)} ms the whole`);
  return { limit, walks };
};

/** Puts into the same prefix at a steady rate for as long as `during` takes. */
const besidePuts = async <T>(
  running: RunningSystem,
  keys: number,
  during: () => Promise<T>,
): Promise<T> => {
  const connections = await openConnections(running.target, 8);
  const operations = new Operations({ mix: "put", keys, valueBytes: VALUE_BYTES });
  let failure = "";
  const fail = (error: string): void => {
    failure = error;
  };
  const load = new PacedLoad({ connections, operations, rate: PUTS_PER_SECOND, fail });
  const latencies = new Latencies();
  load.start(performance.now());
  load.measure(latencies);
  try {
    const result = await during();
    if (failure !== "") throw new Error(`a put beside the pages failed: ${failure}`);
    if (latencies.count === 0) throw new Error("no put ended beside the pages");
    return result;
  } finally {
    load.stop();
    for (const connection of connections) connection.close();
  }
};

const explore = async (running: RunningSystem, context: BenchContext): Promise<Walks[]> => {
  const { pagedKeys } = context.sizes;
  const order = { from: 0, to: pagedKeys, valueBytes: VALUE_BYTES, secondsMax: FILL_SECONDS_MAX };
  const { to } = await fill(running.target, order);
  if (to < pagedKeys) throw new Error(`only ${to} keys within ${FILL_SECONDS_MAX} s`);
  // KVCluster bounds its pages; etcd gives everything in one answer if asked to.
  const limits = running.target.system === "etcd" ? [...PAGE_SIZES, 0] : PAGE_SIZES;
  return besidePuts(running, pagedKeys, async () => {
    const all: Walks[] = [];
    for (const limit of limits) all.push(await walkFor(running, limit, context));
    return all;
  });
};

const wholeMs = ({ walks }: Walks): number => median(walks.map(({ ms }) => ms));

const cells = (walks: Walks | null): string[] => {
  const [first] = walks?.walks ?? [];
  if (walks === null || first === undefined) return ["–", "–", "–", "–"];
  const seconds = wholeMs(walks) / 1000;
  return [
    (first.pages / seconds).toFixed(first.pages / seconds < 10 ? 1 : 0),
    rate(first.keys / seconds),
    (first.bytes / seconds / 1024 ** 2).toFixed(0),
    rate(seconds * 1000),
  ];
};

const run = async (context: BenchContext): Promise<PartReport> => {
  const both = await onBoth(context, (running) => explore(running, context));
  const rowOf = (limit: number): string[] => {
    const find = (all: readonly Walks[] | null): Walks | null =>
      all?.find((one) => one.limit === limit) ?? null;
    const [ours, theirs] = [find(both.kvcluster), find(both.etcd)];
    const pair: Both<Walks> | null = ours === null ? null : { kvcluster: ours, etcd: theirs };
    const ratio = pair === null ? null : ratioOf(pair, (one) => 1 / wholeMs(one));
    const name = limit === 0 ? "all in one answer" : String(limit);
    return [name, ...cells(ours), ...cells(theirs), showRatio(ratio)];
  };
  const head = ["pages/s", "keys/s", "MiB/s of answers", "the whole, ms"];
  return {
    text: [
      `${count(context.sizes.pagedKeys)} keys of ${VALUE_BYTES} bytes in one prefix, read from ` +
        "one node over one connection, one page after the other, all pages of a walk at the " +
        `revision of its first; meanwhile ${PUTS_PER_SECOND} puts a second go into the prefix. ` +
        "Each walk is checked: every key once, one revision. 1000 keys are KVCluster's largest " +
        "page by default. The median of the walks of " +
        `${context.sizes.seconds} s, ${WALKS_MIN} at least.`,
      table(
        ["keys a page", ...head, ...head.map((name) => `etcd ${name}`), "ratio keys/s"],
        [...PAGE_SIZES, ...(both.etcd === null ? [] : [0])].map(rowOf),
      ),
    ].join("\n\n"),
    measurements: [],
  };
};

export const pagesPart: Part = { name: "pages", title: "A long prefix, page by page", run };
