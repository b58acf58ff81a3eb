/**
 * The questions after every scenario: is each acknowledged write there with its revision, does each
 * node hold the same, do their state hashes agree at one applied index?
 */
import assert from "node:assert/strict";
import type { Entry, KVStoreClient } from "@kvcluster/client";
import type { StateHash } from "@kvcluster/protocol";
import type { TestCluster } from "./cluster.test-kit.ts";
import type { Acknowledged, Change, History } from "./history.test-kit.ts";
import type { TestNode } from "./node.test-kit.ts";
import { eventually, forEachAtMost } from "./polling.test-kit.ts";

const READS_AT_ONCE = 32;
const FAULTS_SHOWN_MAX = 5;

export interface VerifyOptions {
  readonly prefix?: string;
  /** The history before it was compacted, so writes are looked for in the final state only. */
  readonly compactRevision?: number;
}

/** @throws AssertionError naming writes that are lost */
export async function verify(
  cluster: TestCluster,
  histories: readonly History[],
  { prefix = "load/", compactRevision = 0 }: VerifyOptions = {},
): Promise<string> {
  await cluster.areReady(cluster.runningMembers());
  const hash = await hashesAgree(cluster);
  const acknowledged = histories.flatMap((history) => history.acknowledged);
  assert.ok(acknowledged.length > 0, "the load did nothing");
  assertOneWritePerRevision(acknowledged);
  const faults: string[] = [];
  for (const node of cluster.runningMembers()) {
    faults.push(...(await findFinalFaults(cluster.at(node), histories, prefix)));
  }
  const readable = acknowledged.filter(({ revision }) => revision >= compactRevision);
  faults.push(...(await findLostRevisions(cluster.client(cluster.runningMembers()), readable)));
  const shown = faults.slice(0, FAULTS_SHOWN_MAX).join("\n");
  assert.equal(faults.length, 0, `${faults.length} faults:\n${shown}`);
  const sum = (pick: (history: History) => number): number =>
    histories.reduce((total, history) => total + pick(history), 0);
  return [
    `verified ${acknowledged.length} acknowledged writes (${readable.length} at their revision)`,
    `on ${cluster.runningMembers().length} nodes; unknown ${sum((history) => history.unknown)},`,
    `refused ${sum((history) => history.refused)};`,
    `hash ${hash.hash} at index ${hash.appliedIndex}`,
  ].join(" ");
}

/** Waits until all nodes have applied the same index and compares their hashes there. */
export async function hashesAgree(
  cluster: TestCluster,
  nodes: readonly TestNode[] = cluster.runningMembers(),
): Promise<StateHash> {
  const hashes = await eventually("all nodes have applied the same index", async () => {
    const found = await Promise.all(nodes.map((node) => cluster.at(node).hash()));
    return found.every((one) => one.appliedIndex === found[0]?.appliedIndex) ? found : null;
  });
  const [first] = hashes;
  assert.ok(first !== undefined);
  for (const [i, other] of hashes.entries()) {
    assert.deepEqual(other, first, `${nodes[i]?.name} differs from ${nodes[0]?.name}`);
  }
  return first;
}

function assertOneWritePerRevision(acknowledged: readonly Acknowledged[]): void {
  const puts = acknowledged.filter(({ changes }) => changes.some(({ value }) => value !== null));
  assert.equal(new Set(puts.map(({ revision }) => revision)).size, puts.length, "same revision");
}

/** What one node has in the end, against what the writers know. */
async function findFinalFaults(
  client: KVStoreClient,
  histories: readonly History[],
  prefix: string,
): Promise<readonly string[]> {
  const found = new Map<string, Entry>();
  const options = { prefix, consistency: "stale", timeoutMs: 30_000 } as const;
  for await (const entry of client.list(options)) found.set(entry.keyText(), entry);
  return histories.flatMap((history) =>
    history.keys().flatMap((key) => {
      const entry = found.get(key);
      const seen =
        entry === undefined ? null : { revision: entry.modRevision, value: entry.text() };
      const fault = history.findFault(key, seen);
      return fault === null ? [] : [fault];
    }),
  );
}

/** Each acknowledged write, read at its revision. */
async function findLostRevisions(
  client: KVStoreClient,
  acknowledged: readonly Acknowledged[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  const checkOne = async (revision: number, { key, value }: Change): Promise<void> => {
    const entry = await client.get(key, { revision, timeoutMs: 30_000 });
    const found = entry?.text() ?? null;
    const isThere = entry === null || entry.modRevision === revision;
    if (found === value && isThere) return;
    faults.push(`revision ${revision} of ${key}: ${found} (${entry?.modRevision}), not ${value}`);
  };
  const checks = acknowledged.flatMap(({ revision, changes }) =>
    changes.map((change) => ({ revision, change })),
  );
  await forEachAtMost(checks, READS_AT_ONCE, ({ revision, change }) => checkOne(revision, change));
  return faults;
}
