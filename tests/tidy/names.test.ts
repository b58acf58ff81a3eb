/** Files and folders are kebab-case and named for the one thing inside (style.md habits 2, 5). */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertNone,
  isTestCode,
  listFiles,
  parse,
  parseRepository,
  type Rule,
} from "./source-files.test-kit.ts";

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const SUFFIX = /(\.test|\.test-kit|\.d)?\.ts$/;
const MEANINGLESS = /^(utils?|commons?|helpers?|misc|managers?|shared|stuff)$/;

function checkName(path: string): string[] {
  return path
    .replace(SUFFIX, "")
    .split("/")
    .flatMap((name) => {
      if (!KEBAB_CASE.test(name)) return [`${path}: "${name}" is not kebab-case`];
      const word = name.split("-").find((part) => MEANINGLESS.test(part));
      return word === undefined ? [] : [`${path}: "${word}" does not say what is inside`];
    });
}

const opensWithItsPurpose: Rule = (file) => {
  if (isTestCode(file.path)) return [];
  const text = file.text.replace(/^#!.*/, "").trimStart();
  if (text.startsWith("//") || text.startsWith("/*")) return [];
  return [`${file.path}:1 opens without a comment that says what the file owns`];
};

test("files and folders are kebab-case and no name is a drawer for everything", () => {
  assertNone(listFiles("*.ts").flatMap(checkName));
});

test("bad names are found", () => {
  assert.deepEqual(checkName("node/src/raft/log-matching.test.ts"), []);
  for (const good of ["node/src/pure-globals.d.ts", "scripts/test.ts"]) {
    assert.deepEqual(checkName(good), []);
  }
  for (const bad of [
    "node/src/raftLog.ts",
    "node/src/Raft/log.ts",
    "node/src/raft_log.ts",
    "node/src/utils/log.ts",
    "node/src/raft-helpers.ts",
    "node/src/misc.test.ts",
    "node/src/snapshot-manager.ts",
  ]) {
    assert.equal(checkName(bad).length, 1, bad);
  }
});

test("each file of the product opens with a comment that says what it owns", () => {
  assertNone(parseRepository().flatMap(opensWithItsPurpose));
  const open = (text: string): number => opensWithItsPurpose(parse("node/src/a.ts", text)).length;
  assert.equal(open("// Owns the log.\nexport const a = 1;\n"), 0);
  assert.equal(open("#!/usr/bin/env node\n\n/** Starts. */\nexport const a = 1;\n"), 0);
  assert.equal(open("export const a = 1; // later\n"), 1);
});
