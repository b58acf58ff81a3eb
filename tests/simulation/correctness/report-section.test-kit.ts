/** The parts of docs/correctness.md that commands write: between markers, the rest is by hand. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../branches/v8-coverage.test-kit.ts";

const path = join(root, "docs/correctness.md");

export type SectionName = "mutants" | "simulation" | "branches";

const markers = (name: SectionName): readonly [string, string] => [
  `<!-- generated: ${name} -->\n`,
  `<!-- end: ${name} -->`,
];

/** @throws Error when the page has no such section */
const cut = (text: string, name: SectionName): readonly [string, string, string] => {
  const [start, end] = markers(name);
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${path} has no section between ${start} and ${end}`);
  const inside = from + start.length;
  return [text.slice(0, inside), text.slice(inside, to), text.slice(to)];
};

export const readSection = (name: SectionName): string =>
  cut(readFileSync(path, "utf8"), name)[1].trim();

export const writeSection = (name: SectionName, content: string): void => {
  const [before, , after] = cut(readFileSync(path, "utf8"), name);
  writeFileSync(path, `${before}\n${content.trim()}\n\n${after}`);
};

/** A table as biome and people like it: cells padded to the widest of their column. */
export const printTable = (rows: readonly (readonly string[])[]): string => {
  const [head = []] = rows;
  const widths = head.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.slice(1).map(line)].join("\n");
};
