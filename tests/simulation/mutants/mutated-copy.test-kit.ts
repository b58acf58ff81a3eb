/** A copy of the source in a temporary folder, with edits; the original stays as it is. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { shippedSource } from "../system.test-kit.ts";
import type { Edit } from "./mutant.test-kit.ts";

const root = join(shippedSource, "../..");
/** What the simulation loads. */
const SIMULATED = ["codec", "raft", "kv", "replica", "storage", "transport"].map(
  (layer) => `node/src/${layer}`,
);
/** What the tests of a copy load. */
const TESTED = ["node/src", "node/package.json", "tests/golden", "tests/auth-matrix"];

const isShipped = (path: string): boolean => !/\.test(-kit)?\.ts$/.test(path);

/** Calls `work` with the root of a copy that has `edits`; the copy is gone afterwards. */
export const withMutatedCopy = async <T>(
  edits: readonly Edit[],
  copies: "simulated" | "tested",
  work: (root: string) => Promise<T>,
): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), "kvcluster-mutant-"));
  try {
    await copySource(folder, copies);
    for (const edit of edits) await apply(join(folder, "node/src"), edit);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const copySource = async (folder: string, copies: "simulated" | "tested"): Promise<void> => {
  const isTested = copies === "tested";
  for (const path of isTested ? TESTED : SIMULATED) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    const filter = isTested ? (): boolean => true : isShipped;
    await cp(join(root, path), join(folder, path), { recursive: true, filter });
  }
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
};

const apply = async (source: string, { file, find, replace }: Edit): Promise<void> => {
  const path = join(source, file);
  const text = await readFile(path, "utf8");
  const pieces = text.split(find);
  assert.equal(pieces.length, 2, `${file} holds ${JSON.stringify(find)} exactly once`);
  await writeFile(path, pieces.join(replace));
};
