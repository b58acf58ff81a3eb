/**
 * Every regular expression of the product on hostile input: none may take more than linear time.
 * They are taken from the source, so that a new one is measured without anybody's doing.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseSync, Visitor } from "oxc-parser";

const root = join(import.meta.dirname, "../..");

interface Found {
  readonly expression: RegExp;
  readonly place: string;
}

/** The literals of a file. */
function literalsOf(path: string): readonly Found[] {
  const text = readFileSync(join(root, path), "utf8");
  const found: Found[] = [];
  const visitor = new Visitor({
    Literal: (node) => {
      if (!("regex" in node)) return;
      const { pattern, flags } = node.regex;
      const line = text.slice(0, node.start).split("\n").length;
      found.push({ expression: new RegExp(pattern, flags), place: `${path}:${line}` });
    },
  });
  visitor.visit(parseSync(path, text).program);
  return found;
}

const sources = globSync("{protocol,node,client,operator}/src/**/*.ts", { cwd: root }).filter(
  (path) => !/\.test(-kit)?\.ts$/.test(path),
);

/** One character of each class that expressions tell apart. */
const letters = [..."aA0 \t\n\r-_.,:;/\\\"'=+%*#?&@[]{}()<>|~$^!\0", "é", "\u2028", "😀"];
const size = 20_000;

/** Those that are told apart most often, for runs of two in turn. */
const pairs = [...'aA0 -_.,/"='];

/** Long runs of one character and of two in turn, ended by what rarely matches. */
const hostileTexts: readonly string[] = [
  ...letters.flatMap((a) => [`${a.repeat(size)}\u0007`, `x${a.repeat(size)}\u0007`]),
  ...pairs.flatMap((a) =>
    pairs.filter((b) => b !== a).map((b) => `${(a + b).repeat(size / 2)}\u0007`),
  ),
];

/** Not linear, on input that no attacker has a say in. */
const trusted: Readonly<Record<string, string>> = {
  "/\\/+$/": "the address of the API server, from the operator's own kubeconfig",
};

/** Milliseconds of processor time that one match may take: linear ones take far below one. */
const slowMs = 100;

function slowestOf(expression: RegExp): { readonly ms: number; readonly text: string } {
  let slowest = { ms: 0, text: "" };
  for (const text of hostileTexts) {
    expression.lastIndex = 0;
    const begin = process.threadCpuUsage();
    expression.test(text);
    const { user, system } = process.threadCpuUsage(begin);
    const ms = (user + system) / 1_000;
    if (ms > slowest.ms) slowest = { ms, text: text.slice(0, 8) };
    if (ms > slowMs) break;
  }
  return slowest;
}

test("the measure finds an expression that is not linear", () => {
  assert.ok(slowestOf(/\s+$/).ms > slowMs);
});

test("no regular expression takes more than linear time", (t) => {
  const all = sources.flatMap(literalsOf);
  const unique = new Map(all.map((found) => [String(found.expression), found]));
  assert.ok(unique.size > 40, `only ${unique.size} of ${all.length} in ${sources.length}`);
  let slowest = { ms: 0, text: "", place: "" };
  const slow: string[] = [];
  for (const { expression, place } of unique.values()) {
    if (Object.hasOwn(trusted, String(expression))) continue;
    const found = slowestOf(expression);
    if (found.ms > slowest.ms) slowest = { ...found, place };
    if (found.ms > slowMs) {
      slow.push(
        `${place} ${expression}: ${Math.round(found.ms)} ms for ${JSON.stringify(found.text)}…`,
      );
    }
  }
  t.diagnostic(
    `${unique.size} expressions; the slowest took ${slowest.ms.toFixed(1)} ms: ${slowest.place}`,
  );
  assert.deepEqual(slow, []);
});
