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

const BUILD_MS = 15 * 60_000;

export interface Images {
  readonly node: string;
  readonly operator: string;
}

export async function provideImages(kube: Kube): Promise<Images> {
  if (!isLab()) return givenImages();
  const digest = await digestOfSources();
  const tagged = (part: string): string => `docker.io/kvcluster/${part}:e2e-${digest}`;
  const images = { node: tagged("node"), operator: tagged("operator") };
  // A cluster that was brought up anew has lost what was loaded into it: its uid tells.
  const { metadata } = await kube.get("/api/v1/namespaces/kube-system");
  const stamp = join(tmpdir(), `kvcluster-e2e-images-${metadata.uid}-${digest}`);
  if (existsSync(stamp)) return images;
  await mustRun("node", ["scripts/images.ts"], {
    cwd: root,
    env: { ...process.env, TOOL: "lab", TAG: `e2e-${digest}` },
    timeoutMs: BUILD_MS,
  });
  writeFileSync(stamp, `${images.node}\n${images.operator}\n`);
  return images;
}

function givenImages(): Images {
  const { E2E_NODE_IMAGE: node, E2E_OPERATOR_IMAGE: operator } = process.env;
  if (node !== undefined && operator !== undefined) return { node, operator };
  throw new Error(
    "this cluster is not the lab: set E2E_NODE_IMAGE and E2E_OPERATOR_IMAGE to images that it can pull",
  );
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
