/**
 * The repository's files as the tidy rules see them: TypeScript parsed once, with positions turned
 * into lines. Rules are functions from files to violations, so each is also tried on bad input.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Comment, type Node, parseSync } from "oxc-parser";

export const root: string = join(import.meta.dirname, "../..");

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly comments: readonly Comment[];
  /** Line of an offset, from 1. */
  lineAt(offset: number): number;
}

/** `path:line what is wrong`, ready to click. */
export type Violation = string;

export type Rule = (file: SourceFile) => readonly Violation[];

/** Files that git tracks or would track, so never dist/ or node_modules/. */
export function listFiles(...patterns: readonly string[]): string[] {
  const git = ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...patterns];
  const listed = execFileSync("git", git, { cwd: root, encoding: "utf8" }).split("\n");
  const isPresent = (path: string): boolean => path !== "" && existsSync(join(root, path));
  return [...new Set(listed)].filter(isPresent).sort();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function parse(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const lineAt = (offset: number): number => {
    const after = starts.findIndex((start) => start > offset);
    return after === -1 ? starts.length : after;
  };
  return { path, text, program, comments, lineAt };
}

export function parseRepository(): SourceFile[] {
  const files = listFiles("*.ts").map((path) => parse(path, readText(path)));
  if (files.length === 0) throw new Error("no TypeScript file found: the tidy rules see nothing");
  return files;
}

/** The node and all below it, parents first. */
export function* walk(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* walk(child);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** Passes when there is none; else fails with all of them, one a line. */
export function assertNone(violations: readonly Violation[]): void {
  if (violations.length > 0) assert.fail(`\n${violations.join("\n")}\n`);
}

export function violation(file: SourceFile, offset: number, what: string): Violation {
  return `${file.path}:${file.lineAt(offset)} ${what}`;
}

/** Tests and what serves them only. */
export function isTestCode(path: string): boolean {
  return /\.test(-kit)?\.ts$/.test(path) || path.startsWith("tests/");
}
