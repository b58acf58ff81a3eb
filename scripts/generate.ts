/**
 * `make generate` writes what can be derived from the code (references, OpenAPI, manifests);
 * `make verify` makes it again and fails with the first difference from the files on disk.
 */

import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { GeneratedFile, Generator } from "./generator.ts";

const root = join(import.meta.dirname, "..");

/** Folders that hold generated files only: a file there that no generator makes is stale. */
const generatedOnly = ["docs/reference"];

async function loadGenerators(): Promise<Generator[]> {
  const folder = join(import.meta.dirname, "generators");
  const paths = globSync("*.ts", { cwd: folder, exclude: ["*.test.ts"] }).sort();
  const generators: Generator[] = [];
  for (const path of paths) {
    const module: { generator?: Generator } = await import(pathToFileURL(join(folder, path)).href);
    if (module.generator === undefined) {
      throw new Error(`scripts/generators/${path} must export a constant named "generator"`);
    }
    generators.push(module.generator);
  }
  return generators;
}

interface Generated {
  readonly files: readonly GeneratedFile[];
  /** Why a generator made none; the others' files are good all the same. */
  readonly failures: readonly string[];
}

async function generateAll(generators: readonly Generator[]): Promise<Generated> {
  const files: GeneratedFile[] = [];
  const failures: string[] = [];
  for (const generator of generators) {
    try {
      const made = await generator.generate();
      console.log(`${generator.name}: ${made.map((file) => file.path).join(" ")}`);
      files.push(...made);
    } catch (error) {
      failures.push(`${generator.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const paths = files.map((file) => file.path);
  const twice = paths.filter((path, i) => paths.indexOf(path) !== i);
  if (twice.length > 0) throw new Error(`made by two generators: ${twice.join(" ")}`);
  return { files, failures };
}

function write(files: readonly GeneratedFile[]): void {
  for (const { path, content } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function firstDifference(onDisk: string, made: string): string {
  const before = onDisk.split("\n");
  const after = made.split("\n");
  const at = after.findIndex((line, i) => line !== before[i]);
  const line = at === -1 ? after.length : at;
  return [
    `line ${line + 1}`,
    `    on disk   ${before[line] ?? "(end)"}`,
    `    generated ${after[line] ?? "(end)"}`,
  ].join("\n");
}

function findStale(files: readonly GeneratedFile[]): string[] {
  const stale: string[] = [];
  for (const { path, content } of files) {
    if (!existsSync(join(root, path))) {
      stale.push(`${path} is missing`);
      continue;
    }
    const onDisk = readFileSync(join(root, path), "utf8");
    if (onDisk !== content) stale.push(`${path} differs at ${firstDifference(onDisk, content)}`);
  }
  const made = new Set(files.map((file) => file.path));
  const present = generatedOnly.flatMap((folder) =>
    globSync(`${folder}/**/*.*`, { cwd: root }).map((path) => relative(root, join(root, path))),
  );
  return [
    ...stale,
    ...present.filter((path) => !made.has(path)).map((path) => `${path}: nothing makes it`),
  ];
}

async function main(mode: string | undefined): Promise<number> {
  if (mode !== "--write" && mode !== "--check") {
    console.error("usage: node scripts/generate.ts --write | --check");
    return 2;
  }
  const generators = await loadGenerators();
  const { files, failures } = await generateAll(generators);
  for (const failure of failures) console.error(`✖ ${failure}`);
  if (mode === "--write") write(files);
  const stale = mode === "--check" ? findStale(files) : [];
  for (const problem of stale) console.error(`✖ ${problem}`);
  if (stale.length > 0) console.error("Run `make generate` and commit what it writes.");
  console.log(`generators ${generators.length} files ${files.length} stale ${stale.length}`);
  if (files.length === 0) console.error("✖ no generator made a file, so nothing was verified");
  return stale.length + failures.length > 0 || files.length === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv[2]);
