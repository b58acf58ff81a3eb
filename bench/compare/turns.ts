/** The same load on both systems in turns. */
import type { Both } from "./bench-context.ts";
import type { Measured } from "./run-load.ts";
import type { RunningSystem } from "./running-system.ts";

export interface TurnsOrder {
  /** Of each system. */
  readonly turns: number;
  /** By what the median turn is found. */
  readonly by: (one: Measured) => number;
  readonly measure: (running: RunningSystem) => Promise<Measured>;
}

/**
 * The same system with its members counted from another one on. One connection goes to the first
 * member, and whether that one leads must not decide: over the turns it is each of them.
 */
const startingAt = (running: RunningSystem, turn: number): RunningSystem => {
  const { endpoints } = running.target;
  const first = turn % endpoints.length;
  const rotated = [...endpoints.slice(first), ...endpoints.slice(0, first)];
  return { ...running, target: { ...running.target, endpoints: rotated } };
};

/** The turn in the middle; of an even number the lower. @throws Error of none */
export const medianTurn = (turns: readonly Measured[], by: (one: Measured) => number): Measured => {
  const sorted = [...turns].sort((a, b) => by(a) - by(b));
  const middle = sorted[(sorted.length - 1) >> 1];
  if (middle === undefined) throw new Error("no turn was measured");
  return middle;
};

/** Ours, etcd's, etcd's, ours, …: each follows itself as often as the other. */
export const inTurns = async (
  { kvcluster, etcd }: Both<RunningSystem>,
  { turns, by, measure }: TurnsOrder,
): Promise<Both<Measured>> => {
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const isOursFirst = turn % 2 === 0;
    const first = startingAt(kvcluster, turn);
    if (isOursFirst) ours.push(await measure(first));
    if (etcd !== null) theirs.push(await measure(startingAt(etcd, turn)));
    if (!isOursFirst) ours.push(await measure(first));
  }
  return {
    kvcluster: medianTurn(ours, by),
    etcd: etcd === null ? null : medianTurn(theirs, by),
  };
};
