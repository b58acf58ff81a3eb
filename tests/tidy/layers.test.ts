/**
 * Arrows point down (the design's §3; style.md habits 8, 9): what each layer may import, through
 * whose door, and that the compiler's project references say the same.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { test } from "node:test";
import {
  assertNone,
  isTestCode,
  parse,
  parseRepository,
  type Rule,
  readText,
  root,
  type SourceFile,
  violation,
  walk,
} from "./source-files.test-kit.ts";

const below = {
  l0: ["protocol", "node/codec"],
  l1: ["protocol", "node/codec", "node/raft", "node/kv"],
  l2: ["protocol", "node/codec", "node/raft", "node/kv", "node/replica"],
};

/** Every layer and the layers it may import. Siblings in L2 do not see each other. */
const layers: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  "node/codec": ["protocol"],
  "node/raft": ["node/codec"],
  "node/kv": below.l0,
  "node/replica": below.l1,
  "node/storage": below.l2,
  "node/transport": below.l2,
  "node/crypto": below.l2,
  "node/config": below.l2,
  "node/api": [...below.l2, "node/storage", "node/transport", "node/crypto", "node/config"],
  node: [
    ...below.l2,
    ...["node/storage", "node/transport", "node/crypto", "node/config", "node/api"],
  ],
  client: ["protocol"],
  "client/local": ["client", "protocol"],
  "operator/model": ["protocol"],
  "operator/reconcile": ["protocol", "operator/model"],
  "operator/kube": ["protocol", "operator/model", "operator/reconcile"],
  "operator/members": ["protocol", "client", "operator/model", "operator/reconcile"],
  "operator/controller": [
    ...["protocol", "operator/model", "operator/reconcile"],
    ...["operator/kube", "operator/members"],
  ],
  operator: [
    ...["protocol", "operator/model", "operator/reconcile"],
    ...["operator/kube", "operator/members", "operator/controller"],
  ],
};

const PURE: ReadonlySet<string> = new Set([
  ...["node/codec", "node/raft", "node/kv", "node/replica"],
  ...["operator/model", "operator/reconcile"],
]);
/** The schema of the resource is made with it; it reads nothing of the world. */
const PURE_PACKAGES: ReadonlySet<string> = new Set(["typebox", "typebox/value"]);

/** The layer of a path: its folder under src/, or the workspace for what lies above the layers. */
function layerOf(path: string): string | undefined {
  const [, workspace = "", folder] = /^(\w+)\/src\/(?:([^/]+)\/)?/.exec(path) ?? [];
  const inFolder = folder === undefined ? workspace : `${workspace}/${folder}`;
  if (inFolder in layers) return inFolder;
  return workspace in layers && workspace !== "node" ? workspace : layerOfNodeRoot(path);
}

function layerOfNodeRoot(path: string): string | undefined {
  return /^node\/src\/[^/]+$/.test(path) ? "node" : undefined;
}

interface Import {
  readonly specifier: string;
  readonly start: number;
}

function importsOf(file: SourceFile): Import[] {
  const imports: Import[] = [];
  for (const node of walk(file.program)) {
    const hasSource =
      node.type === "ImportDeclaration" ||
      node.type === "ExportNamedDeclaration" ||
      node.type === "ExportAllDeclaration" ||
      node.type === "ImportExpression";
    if (!hasSource || node.source === null || node.source.type !== "Literal") continue;
    imports.push({ specifier: String(node.source.value), start: node.start });
  }
  return imports;
}

function judgeImport(from: string, path: string, specifier: string): string | undefined {
  const [, workspace] = /^@kvcluster\/([^/]+)/.exec(specifier) ?? [];
  if (workspace !== undefined) return judgeArrow(from, workspace, specifier);
  if (!specifier.startsWith(".")) {
    return PURE.has(from) && !PURE_PACKAGES.has(specifier)
      ? `${from} is pure and imports the package ${specifier}`
      : undefined;
  }
  const target = posix.join(dirname(path), specifier);
  const to = layerOf(target);
  if (to === undefined) return `${from} imports ${target}, which is in no layer`;
  if (to === from) return undefined;
  if (to.split("/")[0] !== from.split("/")[0]) {
    return `${from} reaches into another workspace: ${specifier}`;
  }
  const isDoor = target.endsWith("/index.ts");
  return judgeArrow(from, to, specifier) ?? (isDoor ? undefined : `not a door: ${specifier}`);
}

function judgeArrow(from: string, to: string, specifier: string): string | undefined {
  const allowed = layers[from] ?? [];
  return allowed.includes(to) ? undefined : `${from} may not import ${to} (${specifier})`;
}

const arrowsPointDown: Rule = (file) => {
  if (isTestCode(file.path) || !/^\w+\/src\//.test(file.path)) return [];
  const from = layerOf(file.path);
  if (from === undefined) return [`${file.path}:1 is in no layer: add it to tests/tidy/layers`];
  return importsOf(file).flatMap(({ specifier, start }) => {
    const what = judgeImport(from, file.path, specifier);
    return what === undefined ? [] : [violation(file, start, what)];
  });
};

/** Test kits may serve tests of other layers, but product code never leans on test code. */
const productNeedsNoTests: Rule = (file) =>
  isTestCode(file.path)
    ? []
    : importsOf(file).flatMap(({ specifier, start }) =>
        /\.test(-kit)?\.ts$/.test(specifier) || /(^|\/)tests\//.test(specifier)
          ? [violation(file, start, `product code imports test code: ${specifier}`)]
          : [],
      );

function folderOf(layer: string): string {
  const [workspace, folder] = layer.split("/");
  return folder === undefined ? layer : `${workspace}/src/${folder}`;
}

/** The layers that the compiler project of a layer refers to. */
function referencesOf(layer: string): string[] {
  const path = join(folderOf(layer), "tsconfig.json");
  const project: { references?: { path: string }[] } = JSON.parse(readText(path));
  return (project.references ?? []).map((reference) => {
    const folder = relative(root, join(root, folderOf(layer), reference.path));
    return folder.replace("/src/", "/");
  });
}

const repository = parseRepository();

test("imports point down, through doors", () => {
  assertNone(repository.flatMap(arrowsPointDown));
  assertNone(repository.flatMap(productNeedsNoTests));
});

test("the compiler's projects see exactly the layers listed here", () => {
  for (const [layer, allowed] of Object.entries(layers)) {
    assert.deepEqual(referencesOf(layer).sort(), [...allowed].sort(), layer);
  }
});

test("each layer has one door", () => {
  for (const layer of Object.keys(layers)) {
    const folder = layer.includes("/") ? folderOf(layer) : `${layer}/src`;
    assert.ok(existsSync(join(root, folder, "index.ts")), `${folder}/index.ts`);
  }
});

test("an import that breaks the layers is found", () => {
  const count = (path: string, text: string): number => arrowsPointDown(parse(path, text)).length;
  const bad: readonly (readonly [string, string])[] = [
    ["node/src/raft/a.ts", 'import { b } from "../kv/index.ts";'],
    ["node/src/raft/a.ts", 'import type { b } from "../replica/index.ts";'],
    ["node/src/raft/a.ts", 'import { readFileSync } from "node:fs";'],
    ["node/src/kv/a.ts", 'export { b } from "../codec/byte-reader.ts";'],
    ["node/src/storage/a.ts", 'import { b } from "../transport/index.ts";'],
    ["node/src/storage/a.ts", 'const b = await import("../api/index.ts");'],
    ["node/src/replica/a.ts", 'import { b } from "../main.ts";'],
    ["node/src/api/a.ts", 'import { b } from "@kvcluster/client";'],
    ["client/src/a.ts", 'import { b } from "../../node/src/raft/index.ts";'],
    ["client/src/a.ts", 'import { b } from "./local/index.ts";'],
    ["protocol/src/a.ts", 'import { b } from "@kvcluster/node";'],
    ["node/src/surprise/a.ts", ""],
  ];
  for (const [path, text] of bad) assert.equal(count(path, text), 1, `${path}: ${text}`);
});

test("an import that keeps to the layers is not", () => {
  const good: readonly (readonly [string, string])[] = [
    ["node/src/raft/a.ts", 'import { b } from "../codec/index.ts"; import "./c.ts";'],
    ["node/src/raft/tracker/a.ts", 'import { b } from "../types.ts";'],
    ["node/src/api/a.ts", 'import { b } from "../storage/index.ts"; import "fastify";'],
    ["node/src/main.ts", 'import { b } from "./api/index.ts"; import "node:fs";'],
    ["client/src/cli/a.ts", 'import { b } from "../index.ts";'],
    ["client/src/local/a.ts", 'import { b } from "../index.ts";'],
    ["node/src/raft/a.test.ts", 'import { b } from "../kv/types.ts";'],
  ];
  for (const [path, text] of good) {
    assertNone(arrowsPointDown(parse(path, text)));
  }
});

test("product code that imports test code is found", () => {
  const found = productNeedsNoTests(parse("node/src/a.ts", 'import "./clock.test-kit.ts";'));
  assert.equal(found.length, 1);
});
