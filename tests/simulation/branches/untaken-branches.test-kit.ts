/** Why a branch of the core is taken by no test. One without a reason fails the coverage test. */
import type { Branch } from "./v8-coverage.test-kit.ts";

interface Reason {
  readonly reason: string;
  readonly explains: (branch: Branch) => boolean;
}

const at = (file: string, ...sources: readonly string[]): Reason["explains"] => {
  return (branch) => branch.file === file && sources.some((one) => branch.source.startsWith(one));
};

export const reasons: readonly Reason[] = [
  {
    reason: "the message of an invariant that held in every run",
    explains: ({ source }) => source.startsWith("() =>"),
  },
  {
    reason: "for the compiler: an index is known to be inside the list",
    explains: ({ source }) => /^\?\? (\d+|\[\]|false|from|this\.#generations\[0\])$/.test(source),
  },
  {
    reason: "for the compiler: the lists of cases are complete",
    explains: ({ source }) => source.startsWith("default: ") && source.includes("satisfies never"),
  },
  {
    reason: "for the compiler: a run holds every index that is asked for",
    explains: at("term-runs.ts", "return", "?? Number.POSITIVE_INFINITY"),
  },
  {
    reason: "for the compiler: a hint within the log always has a term",
    explains: at("append.ts", "?? toTerm(0)"),
  },
  {
    reason: "for the compiler: the caller has looked already",
    explains: (branch) =>
      at("raft.ts", "return;")(branch) || at("read-forwarding.ts", "return;")(branch),
  },
  {
    reason: "a learner always has progress, and its promotion is always a valid plan",
    explains: at("membership.ts", "return 0;", "return;"),
  },
  {
    reason: "a hand-over ends by its time-out before the node could win again",
    explains: at("transfer.ts", "else node.outbox.reject("),
  },
  {
    reason: "checks of the callers of other layers, which have tests of their own",
    explains: ({ file }) => file === "types.ts",
  },
];

export const reasonFor = (branch: Branch): string | null =>
  reasons.find(({ explains }) => explains(branch))?.reason ?? null;
