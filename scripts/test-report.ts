/**
 * Turns the events of node:test into one line per file, every failure in full, whatever the tests
 * printed themselves, and totals. A file that runs no test at all counts as a failure. What failed
 * is handed back too: whoever keeps only the end of a long output must find it there.
 */

import { relative } from "node:path";
import type { EventData, TestsStream } from "node:test";
import { inspect } from "node:util";

export interface Totals {
  tests: number;
  pass: number;
  fail: number;
  skipped: number;
}

/** The totals of one run, and each failure as it was printed. */
export interface Report extends Totals {
  readonly failures: readonly string[];
}

/** Of one failure repeated after the totals; in full it stands where it happened. */
const REPEATED_LINES_MAX = 16;

interface FileResult extends Totals {
  readonly path: string;
}

interface Sink {
  write(text: string): unknown;
}

const emptyTotals = (): Totals => ({ tests: 0, pass: 0, fail: 0, skipped: 0 });

export function addTotals(into: Totals, totals: Totals): void {
  into.tests += totals.tests;
  into.pass += totals.pass;
  into.fail += totals.fail;
  into.skipped += totals.skipped;
}

/** `tests 12 pass 12 fail 0 skipped 0`, the form in which a machine reads the outcome. */
export function totalsLine(totals: Totals): string {
  const { tests, pass, fail, skipped } = totals;
  return `tests ${tests} pass ${pass} fail ${fail} skipped ${skipped}`;
}

/** Failures shortened to their beginnings, for the end of the output. */
export function repeatFailures(failures: readonly string[]): string {
  const shorten = (failure: string): string => {
    const lines = failure.trim().split("\n");
    const rest = lines.length - REPEATED_LINES_MAX;
    const more = rest > 0 ? `\n  (${rest} more lines above)` : "";
    return `${lines.slice(0, REPEATED_LINES_MAX).join("\n")}${more}\n`;
  };
  return failures.map(shorten).join("\n");
}

/** Consumes one run to its end and returns its totals. */
export async function report(run: TestsStream, root: string, out: Sink): Promise<Report> {
  const totals = emptyTotals();
  const failures: string[] = [];
  const told: Telling = { out, failures };
  const files = new Map<string, FileResult>();
  const resultOf = (file: string | undefined): FileResult => {
    const path = relative(root, file ?? "unknown file");
    const known = files.get(path) ?? { path, ...emptyTotals() };
    files.set(path, known);
    return known;
  };
  run.on("test:stdout", (data) => out.write(data.message));
  run.on("test:stderr", (data) => out.write(data.message));
  // Unlike test:pass and test:fail, this event comes as tests end, not in the order of the files.
  run.on("test:complete", (data) => {
    const result = resultOf(data.file);
    if (isWholeFile(data)) settleFile(data, result, told);
    else if (data.details.type !== "suite" || !hasFailedInside(data)) tally(data, result, told);
  });
  await new Promise<void>((resolve, reject) => {
    run.on("end", resolve);
    run.on("error", reject);
    run.resume();
  });
  for (const result of files.values()) addTotals(totals, result);
  return { ...totals, failures };
}

/** Where results go: to the output at once, failures to the end of it once more. */
interface Telling {
  readonly out: Sink;
  readonly failures: string[];
}

/** node:test reports each file as a test of its own, named by its absolute path. */
function isWholeFile(data: { name: string; file?: string | undefined }): boolean {
  return data.name === data.file;
}

function settleFile(data: EventData.TestComplete, result: FileResult, told: Telling): void {
  if (!data.details.passed && !hasFailedInside(data)) tally(data, result, told);
  if (result.tests === 0) {
    result.tests += 1;
    result.fail += 1;
    tellFailure(`✖ ${result.path} contains no test\n`, told);
  }
  const mark = result.fail > 0 ? "✖" : "✔";
  const tests = `${result.tests} ${result.tests === 1 ? "test" : "tests"}`;
  told.out.write(`${mark} ${result.path} (${tests}, ${Math.round(data.details.duration_ms)} ms)\n`);
}

function tally(data: EventData.TestComplete, result: FileResult, told: Telling): void {
  const reason = data.skip ?? data.todo;
  if (data.details.passed && data.details.type === "suite") return;
  result.tests += 1;
  if (!data.details.passed) {
    result.fail += 1;
    tellFailure(describeFailure(data, result), told);
  } else if (reason === undefined) {
    result.pass += 1;
  } else {
    result.skipped += 1;
    told.out.write(`﹣ ${result.path}: ${data.name} (skipped: ${reason})\n`);
  }
}

/** A suite or a file fails when a test in it fails; that test has been counted already. */
function hasFailedInside(data: EventData.TestComplete): boolean {
  const { error } = data.details;
  return error !== undefined && "failureType" in error && error.failureType === "subtestsFailed";
}

function tellFailure(failure: string, { out, failures }: Telling): void {
  failures.push(failure);
  out.write(failure);
}

function describeFailure(data: EventData.TestComplete, result: FileResult): string {
  const cause = data.details.error?.cause;
  const place = data.line === undefined ? result.path : `${result.path}:${data.line}`;
  const what = typeof cause === "string" ? cause : inspect(cause, { depth: 6 });
  return `\n✖ ${data.name}\n  at ${place}\n${indent(what)}\n\n`;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
