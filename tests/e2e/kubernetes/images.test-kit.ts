/**
 * The images under test. In the lab they are built from this checkout and loaded, once for the same
 * sources; on another cluster E2E_NODE_IMAGE and E2E_OPERATOR_IMAGE name what it can pull.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kube } from "./kube.test-kit.ts";
import { mustRun } from "./kube.test-kit.ts";
import { isLab } from "./lab.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
const sources = ["protocol", "node", "client", "operator", "package.json", "package-lock.json"];

const stamp = join(tmpdir(), "kvcluster-e2e-images");
const BUILD_MS = 15 * 60_000;

export interface Images {
  readonly node: string;
  readonly operator: string;
}

/** One tag for all runs, so that the lab's nodes are not filled with yesterday's images. */
const TAG = "e2e";

export async function provideImages(kube: Kube): Promise<Images> {
  const { E2E_NODE_IMAGE, E2E_OPERATOR_IMAGE } = process.env;
  const node = E2E_NODE_IMAGE ?? `docker.io/kvcluster/node:${TAG}`;
  const operator = E2E_OPERATOR_IMAGE ?? `docker.io/kvcluster/operator:${TAG}`;
  if (E2E_NODE_IMAGE !== undefined && E2E_OPERATOR_IMAGE !== undefined) return { node, operator };
  if (!isLab()) {
    throw new Error(
      "not the lab: E2E_NODE_IMAGE and E2E_OPERATOR_IMAGE must name images that it can pull",
    );
  }
  // A cluster that was brought up anew has lost what was loaded into it: its uid tells.
  const { metadata } = await kube.get("/api/v1/namespaces/kube-system");
  const loaded = `${metadata.uid} ${await digestOfSources()}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === loaded) return { node, operator };
  await buildInLab(TAG);
  writeFileSync(stamp, loaded);
  return { node, operator };
}

/** `make images` as the README has it, under a tag. */
export async function buildInLab(tag: string): Promise<void> {
  await mustRun("make", ["images", "TOOL=lab", `TAG=${tag}`], { cwd: root, timeoutMs: BUILD_MS });
}

/** Changed and new files count, ignored ones do not. */
async function digestOfSources(): Promise<string> {
  const listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"];
  const listed = await mustRun("git", [...listing, ...sources], { cwd: root });
  const hash = createHash("sha256");
  const isShipped = (path: string): boolean => path !== "" && !/\.test(-kit)?\.ts$/.test(path);
  for (const path of listed.split("\0").filter(isShipped).sort()) {
    if (!existsSync(join(root, path))) continue;
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(root, path)))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 12);
}
