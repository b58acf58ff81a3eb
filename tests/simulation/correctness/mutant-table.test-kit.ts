/** The table of mutants: what is known without a run, and what a run adds. */
import type { Caught, Mutant } from "../mutants/mutant.test-kit.ts";
import { mutants } from "../mutants/mutants.test-kit.ts";
import { printTable } from "./report-section.test-kit.ts";

const HEAD = ["Bug", "Where it happened", "Suite", "Caught by", "After"] as const;

/** The columns that do not depend on a run. */
export const knownColumns = ({ bug, seenIn, caughtBy }: Mutant): readonly string[] => [
  bug,
  seenIn,
  caughtBy.suite,
];

export const printMutants = (caught: ReadonlyMap<Mutant, Caught>): string => {
  const rows = mutants.map((mutant) => {
    const { by = "", after = "" } = caught.get(mutant) ?? {};
    return [...knownColumns(mutant), by, after];
  });
  return printTable([HEAD, ...rows]);
};

/** The known columns of a printed table, row by row. */
export const readKnownColumns = (table: string): readonly (readonly string[])[] =>
  table
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, 4)
        .map((cell) => cell.trim()),
    );
