/** The goals for speed, as ratios to etcd in the same run, and the table that judges them. */
import { table } from "./bench-context.ts";

export type GoalName =
  | "puts256"
  | "puts64"
  | "peakP99"
  | "lonePut"
  | "gets"
  | "mixed"
  | "memory"
  | "anonymousMemory"
  | "restart"
  | "failover"
  | "growth"
  | "batch";

interface Goal {
  readonly text: string;
  readonly isAtLeast: boolean;
  /** null: measured, not judged. */
  readonly target: number | null;
  readonly floor: number | null;
}

const atLeast = (text: string, target: number, floor: number | null = null): Goal => ({
  text,
  isAtLeast: true,
  target,
  floor,
});
const atMost = (text: string, target: number): Goal => ({
  text,
  isAtLeast: false,
  target,
  floor: null,
});

/** In the order of the table. */
const goals: Readonly<Record<GoalName, Goal>> = {
  puts256: atLeast("puts/s, 256 connections", 3, 2),
  puts64: atLeast("puts/s, 64 connections", 2),
  peakP99: atMost("p99 of puts at etcd's peak load, ms", 0.5),
  lonePut: atMost("p50 of a lone put, ms", 1),
  gets: atLeast("linearizable gets/s, 256 connections over all nodes", 1.5),
  mixed: atLeast("9 gets : 1 put, requests/s, 256 connections", 1.5),
  memory: atMost("memory of a node with 1 M keys, MiB resident", 0.5),
  anonymousMemory: {
    text: "… of it anonymous (no pages of files)",
    isAtLeast: false,
    target: null,
    floor: null,
  },
  restart: atMost("restart to ready with 1 M keys, ms", 0.5),
  failover: atMost("leader killed → next acknowledged put, ms", 0.5),
  growth: atLeast("puts/s with many keys to those with 10 k (our own)", 0.8),
  batch: {
    text: "keys/s in batches of 128 (does not count)",
    isAtLeast: true,
    target: null,
    floor: null,
  },
};

export interface Measurement {
  readonly goal: GoalName;
  readonly kvcluster: string;
  readonly etcd: string;
  readonly ratio: number | null;
}

const isGoal = (name: string): name is GoalName => name in goals;

const judge = ({ isAtLeast, target, floor }: Goal, ratio: number | null): string => {
  if (target === null) return "–";
  if (ratio === null) return "not compared";
  const meets = (bound: number): boolean => (isAtLeast ? ratio >= bound : ratio <= bound);
  if (meets(target)) return "yes";
  return floor !== null && meets(floor) ? "the floor" : "**no**";
};

const bound = ({ isAtLeast }: Goal, value: number | null): string =>
  value === null ? "–" : `${isAtLeast ? "≥" : "≤"} ${value} ×`;

const HEADER = ["", "target", "floor", "KVCluster", "etcd", "ratio", "holds?", "measured at"];

const textOf = (name: GoalName): string => goals[name].text;

/** By the text of the goal: rows of a table that was printed before. */
const rowsOf = (printed: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    printed.split("\n").flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const row = cells.slice(1, -1);
      return row.length === HEADER.length ? [[row[0] ?? "", row] as const] : [];
    }),
  );

/**
 * @param commit of the measurements
 * @param before the table as it was printed before: rows not measured now stay as they are
 */
export const goalTable = (
  measurements: readonly Measurement[],
  commit: string,
  before: string,
): string => {
  const known = rowsOf(before);
  const rows = Object.keys(goals)
    .filter(isGoal)
    .map((name) => {
      const goal = goals[name];
      const measured = measurements.find((one) => one.goal === name);
      const bounds = [goal.text, bound(goal, goal.target), bound(goal, goal.floor)];
      if (measured === undefined) {
        return known.get(textOf(name)) ?? [...bounds, "–", "–", "–", "not measured", "–"];
      }
      const { kvcluster, etcd, ratio } = measured;
      const shown = ratio === null ? "–" : `${ratio.toFixed(2)} ×`;
      return [...bounds, kvcluster, etcd, shown, judge(goal, ratio), commit];
    });
  return table(HEADER, rows);
};
