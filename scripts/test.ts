/**
 * `make test`: runs the suites in order, prints totals per suite and overall, and exits non-zero on
 * any failure, on a file or suite without tests, and when a required suite has lost its files.
 *
 *   node scripts/test.ts                       every suite but those by request only
 *   node scripts/test.ts unit raft storage     suites by name, or files whose path contains a word
 */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { type Suite, suiteOf, suites, suitesByRequestOnly } from "./suites.ts";
import { addTotals, type Report, repeatFailures, report, totalsLine } from "./test-report.ts";

/** A file that takes longer than this hangs, unless its suite allows more. */
const FILE_MINUTES_MAX = 20;

const root = join(import.meta.dirname, "..");

interface Outcome extends Report {
  readonly suite: string;
  readonly files: number;
  readonly durationMs: number;
}

/** Test files, tracked or not yet, but never ignored ones (dist/). Sorted by path. */
function listTestFiles(): string[] {
  const git = ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.test.ts"];
  const listed = execFileSync("git", git, { cwd: root, encoding: "utf8" });
  const isPresent = (path: string): boolean => path !== "" && existsSync(join(root, path));
  return [...new Set(listed.split("\n"))].filter(isPresent).sort();
}

function choose(files: readonly string[], words: readonly string[]): Map<string, string[]> {
  const names = new Set([...suites.map((suite) => suite.name), ...files.map(suiteOf)]);
  const isChosen = (path: string): boolean =>
    words.length === 0
      ? !suitesByRequestOnly.has(suiteOf(path))
      : words.some((word) => (names.has(word) ? suiteOf(path) === word : path.includes(word)));
  const chosen = new Map<string, string[]>();
  for (const path of files.filter(isChosen)) {
    chosen.set(suiteOf(path), [...(chosen.get(suiteOf(path)) ?? []), path]);
  }
  return chosen;
}

async function runSuite(suite: Suite, files: readonly string[]): Promise<Outcome> {
  console.log(`\n── ${suite.name}`);
  const startedMs = performance.now();
  const stream = run({
    cwd: root,
    files: files.map((path) => join(root, path)),
    concurrency: suite.run === "serial" ? 1 : availableParallelism(),
    timeout: (suite.fileMinutesMax ?? FILE_MINUTES_MAX) * 60_000,
  });
  const totals = await report(stream, root, process.stdout);
  const durationMs = performance.now() - startedMs;
  return { suite: suite.name, files: files.length, durationMs, ...totals };
}

function printTotals(outcomes: readonly Outcome[]): void {
  const row = (cells: readonly (string | number)[]): string =>
    cells.map((cell, i) => (i === 0 ? `${cell}`.padEnd(16) : `${cell}`.padStart(9))).join("");
  console.log(`\n${row(["suite", "files", "tests", "pass", "fail", "skipped", "seconds"])}`);
  for (const outcome of outcomes) {
    const { suite, files, tests, pass, fail, skipped, durationMs } = outcome;
    console.log(row([suite, files, tests, pass, fail, skipped, (durationMs / 1000).toFixed(1)]));
  }
}

/** What is wrong although no test failed: something that should have run did not. */
function findGaps(words: readonly string[], outcomes: readonly Outcome[]): string[] {
  const ran = new Set(outcomes.map((outcome) => outcome.suite));
  const gaps = outcomes
    .filter((outcome) => outcome.tests === 0)
    .map((outcome) => `suite ${outcome.suite} ran no test`);
  const required = suites.filter((suite) => suite.required && !ran.has(suite.name));
  if (words.length > 0) return gaps;
  return [...gaps, ...required.map((suite) => `suite ${suite.name} has no test file`)];
}

async function main(words: readonly string[]): Promise<number> {
  const chosen = choose(listTestFiles(), words);
  if (chosen.size === 0) return explainNothingChosen(words);
  const known = suites.filter((suite) => chosen.has(suite.name));
  const isKnown = (name: string): boolean => suites.some((suite) => suite.name === name);
  const unknown = [...chosen.keys()].filter((name) => !isKnown(name));
  const others = unknown.map((name): Suite => ({ name, run: "serial", required: false }));
  const outcomes: Outcome[] = [];
  for (const suite of [...known, ...others]) {
    outcomes.push(await runSuite(suite, chosen.get(suite.name) ?? []));
  }
  printTotals(outcomes);
  const overall = { tests: 0, pass: 0, fail: 0, skipped: 0 };
  for (const outcome of outcomes) addTotals(overall, outcome);
  const gaps = findGaps(words, outcomes);
  if (overall.fail > 0) console.log(`\n${repeatFailures(outcomes.flatMap((one) => one.failures))}`);
  console.log(`\n${[...gaps.map((gap) => `✖ ${gap}`), totalsLine(overall)].join("\n")}`);
  return overall.fail > 0 || gaps.length > 0 ? 1 : 0;
}

function explainNothingChosen(words: readonly string[]): number {
  const optional = suites.filter((suite) => !suite.required).map((suite) => suite.name);
  console.log(`✖ no test file matches: ${words.join(" ")}`);
  if (!words.every((word) => optional.includes(word))) return 1;
  console.log(`  (this repository has no ${words.join(" or ")} tests yet, so nothing was proven)`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
