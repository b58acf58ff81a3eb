/**
 * No way around the compiler, the linter or a test (style.md habits 10, 16, 17): no `any`, `!` or
 * `as` outside decoders and tests, no suppressing comments, no tests switched off, and no clock or
 * randomness in a pure layer.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "oxc-parser";
import {
  assertNone,
  isTestCode,
  parse,
  parseRepository,
  type Rule,
  type SourceFile,
  violation,
  walk,
} from "./source-files.test-kit.ts";

const DECODER = /(^|[/-])(codec|decode|decoder|decoding|types)([./-])/;
const PURE = /^(protocol|node\/src\/(codec|raft|kv|replica))\//;

/** Decoders turn bytes into branded types, and tests build what decoders would refuse. */
function mayCast(path: string): boolean {
  return isTestCode(path) || DECODER.test(path);
}

function findNodes(file: SourceFile, judge: (node: Node) => string | undefined): string[] {
  const violations: string[] = [];
  for (const node of walk(file.program)) {
    const what = judge(node);
    if (what !== undefined) violations.push(violation(file, node.start, what));
  }
  return violations;
}

function isConst(type: Node): boolean {
  return (
    type.type === "TSTypeReference" &&
    type.typeName.type === "Identifier" &&
    type.typeName.name === "const"
  );
}

function judgeTypes(node: Node, path: string): string | undefined {
  switch (node.type) {
    case "TSAnyKeyword":
      return "`any` turns the compiler off";
    case "TSNonNullExpression":
      return "`!` asserts what the compiler could not see: test it";
    case "PropertyDefinition":
    case "VariableDeclarator":
      return "definite" in node && node.definite === true ? "`!:` skips a check" : undefined;
    case "TSTypeAssertion":
      return "a cast in angle brackets";
    case "TSAsExpression":
      return mayCast(path) || isConst(node.typeAnnotation)
        ? undefined
        : "`as` outside decoders (*codec*, *decode*, types.ts) and tests";
    default:
      return undefined;
  }
}

const typesAreHonest: Rule = (file) => findNodes(file, (node) => judgeTypes(node, file.path));

const SUPPRESSIONS = /biome-ignore|@ts-(ignore|expect-error|nocheck)|eslint-disable|c8 ignore/;
const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/;

const commentsHideNothing: Rule = (file) =>
  file.comments.flatMap((comment) => {
    const found = SUPPRESSIONS.exec(comment.value)?.[0] ?? UNFINISHED.exec(comment.value)?.[0];
    return found === undefined ? [] : [violation(file, comment.start, `"${found}" in a comment`)];
  });

const SWITCHES: ReadonlySet<string> = new Set(["skip", "only", "todo"]);
const RUNNERS: ReadonlySet<string> = new Set(["test", "it", "describe", "suite"]);

/** `t.skip("why")` at run time stays possible: it shows in the totals with its reason. */
function judgeSwitches(node: Node): string | undefined {
  if (node.type !== "CallExpression") return undefined;
  const { callee } = node;
  if (callee.type === "MemberExpression" && callee.property.type === "Identifier") {
    const runner = callee.object.type === "Identifier" ? callee.object.name : "";
    const name = callee.property.name;
    return RUNNERS.has(runner) && SWITCHES.has(name) ? `${runner}.${name}()` : undefined;
  }
  if (callee.type !== "Identifier" || !RUNNERS.has(callee.name)) return undefined;
  for (const argument of node.arguments) {
    if (argument.type !== "ObjectExpression") continue;
    for (const property of argument.properties) {
      const key = property.type === "Property" ? property.key : undefined;
      if (key?.type !== "Identifier" || !SWITCHES.has(key.name)) continue;
      return `${callee.name}() with ${key.name}`;
    }
  }
  return undefined;
}

const testsAreOn: Rule = (file) => findNodes(file, judgeSwitches);

function judgePurity(node: Node): string | undefined {
  if (node.type === "MemberExpression" && node.object.type === "Identifier") {
    const property = node.property.type === "Identifier" ? node.property.name : "";
    if (node.object.name === "Math" && property === "random") return "Math.random in a pure layer";
    if (node.object.name === "Date") return "Date in a pure layer";
  }
  if (node.type !== "NewExpression" || node.callee.type !== "Identifier") return undefined;
  return node.callee.name === "Date" ? "Date in a pure layer" : undefined;
}

const pureLayersArePure: Rule = (file) =>
  PURE.test(file.path) && !isTestCode(file.path) ? findNodes(file, judgePurity) : [];

const repository = parseRepository();

function count(rule: Rule, text: string, path = "node/src/raft/election.ts"): number {
  return rule(parse(path, text)).length;
}

test("no `any`, no `!`, and `as` only in decoders and tests", () => {
  assertNone(repository.flatMap(typesAreHonest));
});

test("each way around the types is found", () => {
  assert.equal(count(typesAreHonest, "let a: any;"), 1);
  assert.equal(count(typesAreHonest, "a!.b;"), 1);
  assert.equal(count(typesAreHonest, "let a!: number;"), 1);
  assert.equal(count(typesAreHonest, "class C { a!: number; }"), 1);
  assert.equal(count(typesAreHonest, "const a = <Term>b;"), 1);
  assert.equal(count(typesAreHonest, "const a = b as Term;"), 1);
  assert.equal(count(typesAreHonest, "const a = b as unknown as Term;"), 2);
});

test("what only looks like a cast is allowed", () => {
  assert.equal(count(typesAreHonest, "const a = [1] as const;"), 0);
  assert.equal(count(typesAreHonest, "const a = { b: 1 } satisfies C;"), 0);
  assert.equal(count(typesAreHonest, 'import * as a from "a"; import { b as c } from "b";'), 0);
  const cast = "const a = b as Term;";
  assert.equal(count(typesAreHonest, cast, "node/src/codec/byte-reader.ts"), 0);
  assert.equal(count(typesAreHonest, cast, "node/src/transport/message-codec.ts"), 0);
  assert.equal(count(typesAreHonest, cast, "node/src/storage/decode-record.ts"), 0);
  assert.equal(count(typesAreHonest, cast, "node/src/raft/types.ts"), 0);
  assert.equal(count(typesAreHonest, cast, "node/src/raft/paper.test.ts"), 0);
  assert.equal(count(typesAreHonest, cast, "node/src/raft/subtypes.ts"), 1);
});

test("no comment suppresses a check or postpones work", () => {
  assertNone(repository.flatMap(commentsHideNothing));
  const bad = ["biome-ignore lint: no", "@ts-ignore", "@ts-expect-error x", "TODO later", "FIXME"];
  for (const comment of bad) {
    assert.equal(count(commentsHideNothing, `// ${comment}\n`), 1, comment);
    assert.equal(count(commentsHideNothing, `const a = "${comment}";`), 0, comment);
  }
});

test("no test is switched off", () => {
  assertNone(repository.flatMap(testsAreOn));
  for (const bad of [
    'test.skip("a", () => {});',
    'describe.only("a", () => {});',
    'it.todo("a");',
    'test("a", { skip: true }, () => {});',
    'suite("a", { timeout: 1, only: true }, () => {});',
  ]) {
    assert.equal(count(testsAreOn, bad), 1, bad);
  }
  assert.equal(count(testsAreOn, 'test("a", { timeout: 1 }, () => {}); cursor.skip(3);'), 0);
});

test("pure layers see neither clock nor randomness", () => {
  assertNone(repository.flatMap(pureLayersArePure));
  for (const bad of ["Math.random();", "Date.now();", "new Date();"]) {
    assert.equal(count(pureLayersArePure, bad), 1, bad);
    assert.equal(count(pureLayersArePure, bad, "node/src/api/route.ts"), 0, bad);
  }
  assert.equal(count(pureLayersArePure, "Math.max(1, 2);"), 0);
});
