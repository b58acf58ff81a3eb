/**
 * Settled commands as one array of numbers, because hundreds of small objects cost more to carry
 * over to another thread than to make. Five numbers a command; the meaning of the last two depends
 * on the type. Used within one process only, so it has no version.
 */
import { type CommandFailure, type CommandResult, toRevision } from "../kv/index.ts";
import type { SettledCommand } from "../replica/index.ts";

const COLUMNS = 5;
const TYPES: readonly CommandResult["type"][] = [
  "put",
  "deleted",
  "batch",
  "compacted",
  "verified",
  "failed",
];
const FAILURES: readonly CommandFailure[] = [
  "CONDITION_FAILED",
  "RANGE_TOO_LARGE",
  "DUPLICATE_KEY",
  "REVISION_COMPACTED",
  "REVISION_IN_FUTURE",
];

export const packSettled = (settled: readonly SettledCommand[]): Float64Array<ArrayBuffer> => {
  const packed = new Float64Array(settled.length * COLUMNS);
  let at = 0;
  for (const { sequence, result } of settled) {
    const [first, second] = detailsOf(result);
    packed[at] = sequence;
    packed[at + 1] = TYPES.indexOf(result.type);
    packed[at + 2] = result.revision;
    packed[at + 3] = first;
    packed[at + 4] = second;
    at += COLUMNS;
  }
  return packed;
};

export const unpackSettled = (packed: Float64Array): SettledCommand[] => {
  const settled: SettledCommand[] = [];
  for (let at = 0; at < packed.length; at += COLUMNS) {
    settled.push({ sequence: packed[at] ?? 0, result: resultAt(packed, at + 1) });
  }
  return settled;
};

const detailsOf = (result: CommandResult): readonly [number, number] => {
  switch (result.type) {
    case "put":
      return [result.created ? 1 : 0, 0];
    case "deleted":
      return [result.count, 0];
    case "batch":
      return [result.puts, result.deletes];
    case "compacted":
      return [result.compactRevision, 0];
    case "verified":
      return [0, 0];
    case "failed":
      return [FAILURES.indexOf(result.code), result.current];
  }
};

const resultAt = (packed: Float64Array, at: number): CommandResult => {
  const number = packed[at] ?? -1;
  const revision = toRevision(packed[at + 1] ?? -1);
  const first = packed[at + 2] ?? 0;
  const second = packed[at + 3] ?? 0;
  const type = TYPES[number];
  if (type === undefined) throw new RangeError(`no command result has the number ${number}`);
  switch (type) {
    case "put":
      return { type, revision, created: first === 1 };
    case "deleted":
      return { type, revision, count: first };
    case "batch":
      return { type, revision, puts: first, deletes: second };
    case "compacted":
      return { type, revision, compactRevision: toRevision(first) };
    case "verified":
      return { type, revision };
    case "failed": {
      const code = FAILURES[first];
      if (code === undefined) throw new RangeError(`no failure has the number ${first}`);
      return { type, revision, code, current: toRevision(second) };
    }
  }
};
