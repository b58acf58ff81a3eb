/** Functions of at most 70 lines, files of at most 400, lines of at most 100 (style.md habit 3). */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertNone,
  parse,
  parseRepository,
  type Rule,
  violation,
  walk,
} from "./source-files.test-kit.ts";

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;
const LINE_CHARACTERS_MAX = 100;

const functionTypes: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
]);

const functionsAreSmall: Rule = (file) => {
  const violations: string[] = [];
  for (const node of walk(file.program)) {
    if (!functionTypes.has(node.type)) continue;
    const lines = file.lineAt(node.end) - file.lineAt(node.start) + 1;
    if (lines <= FUNCTION_LINES_MAX) continue;
    const what = `function of ${lines} lines (at most ${FUNCTION_LINES_MAX})`;
    violations.push(violation(file, node.start, what));
  }
  return violations;
};

const filesAreSmall: Rule = (file) => {
  const lines = file.text.replace(/\n$/, "").split("\n").length;
  if (lines <= FILE_LINES_MAX) return [];
  return [`${file.path}:1 file of ${lines} lines (at most ${FILE_LINES_MAX})`];
};

const linesAreShort: Rule = (file) =>
  file.text.split("\n").flatMap((line, i) => {
    const characters = [...line].length;
    if (characters <= LINE_CHARACTERS_MAX) return [];
    return [`${file.path}:${i + 1} line of ${characters} characters (at most 100)`];
  });

const repository = parseRepository();

function body(lines: number): string {
  return `{\n${"  work();\n".repeat(lines - 2)}}`;
}

test("no function is longer than 70 lines", () => {
  assertNone(repository.flatMap(functionsAreSmall));
});

test("every form of function is measured", () => {
  const forms = (lines: number): string[] => [
    `function f() ${body(lines)}`,
    `const f = () => ${body(lines)};`,
    `const f = async function* () ${body(lines)};`,
    `class C { m() ${body(lines)} }`,
    `const o = { m() ${body(lines)} };`,
    `class C { constructor() ${body(lines)} }`,
    `call(async () => ${body(lines)});`,
  ];
  for (const form of forms(70)) assert.deepEqual(functionsAreSmall(parse("a.ts", form)), []);
  for (const form of forms(71)) {
    const found = functionsAreSmall(parse("a.ts", `\n${form}`));
    assert.deepEqual(found, ["a.ts:2 function of 71 lines (at most 70)"], form);
  }
});

test("no file is longer than 400 lines", () => {
  assertNone(repository.flatMap(filesAreSmall));
  assert.deepEqual(filesAreSmall(parse("a.ts", "1;\n".repeat(400))), []);
  const found = filesAreSmall(parse("a.ts", "1;\n".repeat(401)));
  assert.deepEqual(found, ["a.ts:1 file of 401 lines (at most 400)"]);
});

test("no line is longer than 100 characters", () => {
  assertNone(repository.flatMap(linesAreShort));
  assert.deepEqual(linesAreShort(parse("a.ts", `// ${"→".repeat(97)}`)), []);
  const found = linesAreShort(parse("a.ts", `\n// ${"→".repeat(98)}`));
  assert.deepEqual(found, ["a.ts:2 line of 101 characters (at most 100)"]);
});
