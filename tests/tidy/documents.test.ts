/**
 * What the documents point at exists: relative links with their headings, and every path of this
 * repository that stands in backticks, above all the concept → file map of the README.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { assertNone, listFiles, readText, root } from "./source-files.test-kit.ts";

interface Tree {
  has(path: string): boolean;
  read(path: string): string;
}

const repository: Tree = { has: (path) => existsSync(join(root, path)), read: readText };

const OUR_FOLDERS = /^(protocol|node|client|operator|tests|scripts|bench|docs|charts|crds)\//;

interface Line {
  readonly number: number;
  readonly text: string;
}

/** The lines outside fenced code blocks. */
function proseLines(markdown: string): Line[] {
  let isFenced = false;
  return markdown.split("\n").flatMap((text, i) => {
    if (/^\s*(```|~~~)/.test(text)) {
      isFenced = !isFenced;
      return [];
    }
    return isFenced ? [] : [{ number: i + 1, text }];
  });
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of proseLines(markdown)) {
    const heading = /^#{1,6}\s+(.*?)\s*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const anchor = anchorOf(heading);
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  return anchors;
}

function judgeLink(from: string, link: string, tree: Tree): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : posix.join(posix.dirname(from), decodeURI(path));
  if (target.startsWith("..")) return `link leaves the repository: ${link}`;
  if (!tree.has(target)) return `dead link: ${link}`;
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  return anchorsOf(tree.read(target)).has(anchor) ? undefined : `no such heading: ${link}`;
}

function findDeadLinks(path: string, tree: Tree): string[] {
  return proseLines(tree.read(path)).flatMap(({ number, text }) => {
    const prose = text.replace(/`[^`]*`/g, "");
    const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)];
    const reference = [...prose.matchAll(/^\s*\[[^\]]+\]:\s*(\S+)/g)];
    return [...inline, ...reference].flatMap(([, link = ""]) => {
      const what = judgeLink(path, link, tree);
      return what === undefined ? [] : [`${path}:${number} ${what}`];
    });
  });
}

/** A path in backticks names a file or folder, unless it is a pattern or a placeholder. */
function findLostPaths(path: string, tree: Tree): string[] {
  return proseLines(tree.read(path)).flatMap(({ number, text }) =>
    [...text.matchAll(/`([^`\s]+)`/g)].flatMap(([, quoted = ""]) => {
      const named = quoted.replace(/:\d+$/, "").replace(/#.*$/, "");
      const isPath = OUR_FOLDERS.test(named) && !/[*<>{}$…|]|\.\.\.|(^|\/)dist\//.test(named);
      return !isPath || tree.has(named) ? [] : [`${path}:${number} no such file: ${quoted}`];
    }),
  );
}

function memoryTree(files: Readonly<Record<string, string>>): Tree {
  return { has: (path) => path in files, read: (path) => files[path] ?? "" };
}

const documents = listFiles("*.md");

test("links in documents lead somewhere", () => {
  assert.ok(documents.includes("README.md"));
  assertNone(documents.flatMap((path) => findDeadLinks(path, repository)));
});

test("files named in documents exist", () => {
  assertNone(documents.flatMap((path) => findLostPaths(path, repository)));
});

test("dead links are found, in every form", () => {
  const text = [
    "# One & Two",
    "[a](docs/a.md) [b](docs/none.md) [c](#one--two) [d](#three) [e](https://x.test/none)",
    "[f](docs/a.md#there) [g](docs/a.md#nowhere) `[h](docs/none.md)` [i](../outside.md)",
    "```",
    "[j](docs/none.md)",
    "```",
    "[k]: docs/none.md",
  ].join("\n");
  const tree = memoryTree({ "README.md": text, "docs/a.md": "## There\n[up](../README.md)" });
  assert.deepEqual(findDeadLinks("README.md", tree), [
    "README.md:2 dead link: docs/none.md",
    "README.md:2 no such heading: #three",
    "README.md:3 no such heading: docs/a.md#nowhere",
    "README.md:3 link leaves the repository: ../outside.md",
    "README.md:7 dead link: docs/none.md",
  ]);
  assert.deepEqual(findDeadLinks("docs/a.md", tree), []);
});

test("lost files are found, patterns and other words are left alone", () => {
  const text = [
    "| the commit rule | `node/src/raft/replication.ts` |",
    "| gone | `node/src/raft/gone.ts` and `node/src/raft/gone.ts:12` |",
    "`tests/golden/*.txt` `node/dist/main.js` `kv put a 1` `application/json` `docs/<name>.md`",
  ].join("\n");
  const tree = memoryTree({ "README.md": text, "node/src/raft/replication.ts": "" });
  assert.deepEqual(findLostPaths("README.md", tree), [
    "README.md:2 no such file: node/src/raft/gone.ts",
    "README.md:2 no such file: node/src/raft/gone.ts:12",
  ]);
});
