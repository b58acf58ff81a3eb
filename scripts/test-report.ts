/**
 * Turns the events of node:test into one line per file, every failure in full, whatever the tests
 * printed themselves, and totals. A file that runs no test at all counts as a failure.
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

/** Consumes one run to its end and returns its totals. */
export async function report(run: TestsStream, root: string, out: Sink): Promise<Totals> {
  const totals = emptyTotals();
  const files = new Map<string, FileResult>();
  const resultOf = (file: string | undefined): FileResult => {
    const path = relative(root, file ?? "unknown file");
    const known = files.get(path) ?? { path, ...emptyTotals() };
    files.set(path, known);
    return known;
  };
  run.on("test:stdout", (data) => out.write(data.message));
  run.on("test:stderr", (data) => out.write(data.message));
  run.on("test:pass", (data) => tallyPass(data, resultOf(data.file), out));
  run.on("test:fail", (data) => tallyFail(data, resultOf(data.file), out));
  run.on("test:complete", (data) => {
    if (isWholeFile(data)) printFile(resultOf(data.file), data.details.duration_ms, out);
  });
  await new Promise<void>((resolve, reject) => {
    run.on("end", resolve);
    run.on("error", reject);
    run.resume();
  });
  for (const result of files.values()) addTotals(totals, result);
  return totals;
}

/** node:test reports each file as a test of its own, named by its absolute path. */
function isWholeFile(data: { name: string; file?: string | undefined }): boolean {
  return data.name === data.file;
}

function tallyPass(data: EventData.TestPass, result: FileResult, out: Sink): void {
  if (data.details.type === "suite") return;
  if (isWholeFile(data)) {
    result.tests += 1;
    result.fail += 1;
    out.write(`✖ ${result.path} contains no test\n`);
    return;
  }
  result.tests += 1;
  if (data.skip === undefined && data.todo === undefined) {
    result.pass += 1;
    return;
  }
  result.skipped += 1;
  out.write(`﹣ ${result.path}: ${data.name} (skipped: ${data.skip ?? data.todo})\n`);
}

function tallyFail(data: EventData.TestFail, result: FileResult, out: Sink): void {
  if (data.details.type === "suite" && hasFailedInside(data)) return;
  result.tests += 1;
  result.fail += 1;
  const { cause } = data.details.error;
  const place = data.line === undefined ? result.path : `${result.path}:${data.line}`;
  out.write(`\n✖ ${data.name}\n  at ${place}\n`);
  out.write(`${indent(typeof cause === "string" ? cause : inspect(cause, { depth: 6 }))}\n\n`);
}

/** A suite or parent fails when a test in it fails; that test has been counted already. */
function hasFailedInside(data: EventData.TestFail): boolean {
  return "failureType" in data.details.error && data.details.error.failureType === "subtestsFailed";
}

function printFile(result: FileResult, durationMs: number, out: Sink): void {
  const mark = result.fail > 0 ? "✖" : "✔";
  const tests = `${result.tests} ${result.tests === 1 ? "test" : "tests"}`;
  out.write(`${mark} ${result.path} (${tests}, ${Math.round(durationMs)} ms)\n`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
