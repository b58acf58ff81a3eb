/** The page of a long run: docs/robustness-report.md. */
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { type Figures, OPERATIONS_PER_SECOND_MIN } from "./robustness-figures.test-kit.ts";

export interface Reported {
  readonly figures: Figures;
  readonly seed: number;
  readonly minutes: number;
  /** Why power loss could not be played; null when it was. */
  readonly noPowerLoss: string | null;
}

const git = (...words: readonly string[]): string =>
  execFileSync("git", words, { encoding: "utf8" }).trim();

function commitOf(): string {
  const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
  return `\`${git("rev-parse", "--short=12", "HEAD")}\`${changed ? ", with changes" : ""}`;
}

const number = (value: number): string => Math.round(value).toLocaleString("en-US");

export function writeReport(reported: Reported): string {
  const { figures, seed, minutes, noPowerLoss } = reported;
  const { rounds, revisions, resolved, loadMs, checkerMs, longestWritePauseMs } = figures;
  const seconds = loadMs / 1_000;
  const perSecond = number(figures.total("ok") / seconds);
  const effective = `${number(resolved)} of ${number(figures.total("unknown"))}`;
  const again = `make robustness MINUTES=${minutes} SEED=${seed}`;
  return `# Robustness report

Made by \`make robustness\`; do not edit. How it works: [correctness of real
processes](../tests/linearizability/README.md). The same faults in the same order again:
\`${again}\` (what the processes make of them differs from run to run).

| | |
| --- | --- |
| Commit | ${commitOf()} |
| Seed | ${seed} |
| Machine | ${cpus().length} processors, Linux ${release()} |
| Under load and faults | ${number(seconds)} s in ${rounds} rounds |
| Operations answered | ${number(figures.total("ok"))}, ${perSecond} a second |
| Revisions, each read back | ${number(revisions)} |
| Faults | ${number(figures.faultsPlayed)} |
| Violations | 0 |
| Acknowledged writes lost | 0 |
| Writes of unknown outcome that took effect | ${effective} |
| Longest time between two acknowledged writes | ${number(longestWritePauseMs)} ms |
| Time of the checker | ${(checkerMs / 1_000).toFixed(1)} s |
| Power loss | ${noPowerLoss === null ? "played" : `NOT PLAYED: ${noPowerLoss}`} |

A run with fewer than ${OPERATIONS_PER_SECOND_MIN} answered operations a second, or without a fault
of each kind, fails.
The longest pause includes power loss and kill -9 of all three nodes at once.

## Operations

| Kind | Answered | Refused | Unknown |
| --- | ---: | ---: | ---: |
${operationRows(figures)}

A read that failed counts as refused.

## Faults

| Kind | Times |
| --- | ---: |
${faultRows(figures)}
`;
}

const operationRows = ({ operations }: Figures): string =>
  Object.entries(operations)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, { ok, failed, unknown }]) =>
      [`| ${kind}`, number(ok), number(failed), `${number(unknown)} |`].join(" | "),
    )
    .join("\n");

const faultRows = ({ faults }: Figures): string =>
  Object.entries(faults)
    .map(([name, count]) => `| ${name} | ${count} |`)
    .join("\n");
