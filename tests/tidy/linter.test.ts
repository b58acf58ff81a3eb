/** The linter's own configuration, tried: each ban finds what it bans, and only where it should. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readText, root } from "./source-files.test-kit.ts";

const biome = join(root, "node_modules/.bin/biome");

/** A text, and the folders where it is denied and where it is allowed. */
interface Case {
  readonly text: string;
  readonly denied: readonly string[];
  readonly allowed: readonly string[];
}

/** Which of these files break which rules, as "path rule", under our configuration. */
function lint(files: ReadonlyMap<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-lint-"));
  try {
    const configuration = { ...JSON.parse(readText("biome.json")), vcs: { enabled: false } };
    writeFileSync(join(folder, "biome.json"), JSON.stringify(configuration));
    for (const [path, text] of files) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const options = ["lint", "--colors=off", "--error-on-warnings", "--max-diagnostics=none"];
    const run = spawnSync(biome, options, { cwd: folder, encoding: "utf8" });
    const found = `${run.stdout}${run.stderr}`.matchAll(/^(\S+?):\d+:\d+ lint\/\w+\/(\w+) /gm);
    return [...new Set([...found].map(([, path, rule]) => `${path} ${rule}`))].sort();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function assertCases(rule: string, cases: readonly Case[]): void {
  const files = new Map<string, string>();
  const expected: string[] = [];
  cases.forEach(({ text, denied, allowed }, i) => {
    for (const folder of allowed) files.set(`${folder}/case-${i}.ts`, text);
    for (const folder of denied) {
      files.set(`${folder}/case-${i}.ts`, text);
      expected.push(`${folder}/case-${i}.ts ${rule}`);
    }
  });
  assert.deepEqual(lint(files), expected.sort());
}

function importing(name: string): string {
  return `import * as it from "${name}";\nexport const there: boolean = it !== undefined;\n`;
}

test("one folder each may import the packages that shape the architecture", () => {
  const storage = "node/src/storage";
  const api = "node/src/api";
  const auth = "node/src/api/auth";
  const metrics = "node/src/api/metrics";
  const client = "client/src";
  const places = ["node/src/replica", "node/src", "scripts", storage, api, auth, metrics, client];
  const homes: readonly (readonly [string, readonly string[]])[] = [
    ["rocksdb", [storage]],
    ["fastify", [api, auth, metrics]],
    ["jsonwebtoken", [auth, client]],
    ["prom-client", [metrics]],
  ];
  const cases = homes.map(([name, home]): Case => {
    const denied = places.filter((path) => !home.includes(path));
    return { text: importing(name), denied, allowed: [...home, "tests/cluster"] };
  });
  assertCases("noRestrictedImports", cases);
});

test("pure layers are denied the globals of the outside world", () => {
  const names = ["Date", "setTimeout", "setInterval", "process", "Buffer", "performance", "fetch"];
  const denied = ["node/src/codec", "node/src/raft", "node/src/kv", "node/src/replica"];
  const allowed = ["node/src/transport", "node/src/api", "client/src", "tests/simulation"];
  const cases = names.map((name) => {
    return { text: `export const it: unknown = ${name};\n`, denied, allowed };
  });
  assertCases("noRestrictedGlobals", cases);
});

test("no promise floats", () => {
  const work = "async function work(): Promise<void> {}\n";
  const everywhere = ["node/src/replica", "node/src/api", "client/src", "tests/cluster"];
  const floating = `${work}export function run(): void {\n  work();\n}\n`;
  const returned = `${work}export const run = (): Promise<void> => work();\n`;
  assertCases("noFloatingPromises", [
    { text: floating, denied: everywhere, allowed: [] },
    { text: returned, denied: [], allowed: everywhere },
  ]);
});

test("libraries do not print, command-line programs may", () => {
  const text = 'console.log("here");\n';
  const denied = ["node/src/api", "client/src", "protocol/src", "operator/src"];
  const allowed = ["client/src/cli", "client/src/local", "scripts", "bench"];
  assertCases("noConsole", [{ text, denied, allowed }]);
});

test("the rest of the house rules that the linter holds", () => {
  const rules: readonly (readonly [string, string])[] = [
    ["noExplicitAny", "export const a = (b: any): number => b;\n"],
    ["noNonNullAssertion", "export const a = (b: number | null): number => b!;\n"],
    ["useImportType", 'import { A } from "./a.ts";\nexport const b = (a: A): A => a;\n'],
    ["noEnum", "export enum A {\n  B,\n}\n"],
    ["noDefaultExport", "export default 1;\n"],
    ["noReExportAll", 'export * from "./a.ts";\n'],
    ["useMaxParams", "export const f = (a: 1, b: 1, c: 1, d: 1): unknown => [a, b, c, d];\n"],
  ];
  for (const [rule, text] of rules) {
    assertCases(rule, [{ text, denied: ["node/src/raft"], allowed: [] }]);
  }
});
