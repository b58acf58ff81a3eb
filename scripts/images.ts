/**
 * `make images`: compiles, prepares a context for each image in a folder of its own and builds it
 * with docker, podman or buildah, or with the lab, which loads it into its nodes, too.
 *
 * TOOL      docker, podman, buildah, lab, or none (contexts only); the first that works
 * CONTEXTS  folder that keeps the contexts; else they are gone when the images are built
 * TAG       the version of package.json
 * REGISTRY  docker.io, or `host/project` to push to
 * IMAGES    "node operator"
 * ARCH      that of this machine, as Node names it: x64, arm64
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ImageName, imageRoots, makeContext } from "./images/context.ts";

const root = join(import.meta.dirname, "..");
const { env } = process;

const platforms: Readonly<Record<string, string>> = { x64: "linux/amd64", arm64: "linux/arm64" };
const engines = ["docker", "podman", "buildah"] as const;

function fail(why: string): never {
  console.error(`make images: ${why}`);
  process.exit(1);
}

/** A program that is there may still have no daemon to talk to. */
const works = (tool: string): boolean =>
  spawnSync(tool, ["info"], { stdio: "ignore", timeout: 30_000 }).status === 0;

function findTool(): string {
  if (env["TOOL"] !== undefined && env["TOOL"] !== "") return env["TOOL"];
  const found = engines.find(works);
  return found ?? fail("needs docker, podman or buildah; none of them answers here. Or TOOL=lab");
}

function findLab(): string {
  const places = [env["LAB"], join(root, "../shared/lab/lab"), "/work/shared/lab/lab"];
  const found = places.find((path) => path !== undefined && existsSync(path));
  return found ?? fail("TOOL=lab: the lab is not here; LAB names it");
}

function run(program: string, given: readonly string[]): void {
  const { status, error } = spawnSync(program, given, { cwd: root, stdio: "inherit" });
  if (status !== 0) fail(error?.message ?? `${program} ${given.join(" ")} failed`);
}

function build(tool: string, image: { tag: string; context: string; platform: string }): void {
  const { tag, context, platform } = image;
  const file = join(context, "Containerfile");
  const engineArguments = ["build", "--platform", platform, "-t", tag, "-f", file, context];
  const [program, given] =
    tool === "lab" ? [findLab(), ["image", tag, context, file]] : [tool, engineArguments];
  run(program, given);
}

/** Two builds at the same time must not share one. */
function contextFolder(): string {
  const kept = env["CONTEXTS"];
  if (kept !== undefined && kept !== "") return resolve(kept);
  const made = mkdtempSync(join(tmpdir(), "kvcluster-images-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}

function revision(): string {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], { cwd: root });
  return status === 0 ? String(stdout).trim() : "";
}

const isImage = (name: string): name is ImageName => name === "node" || name === "operator";

function main(): void {
  const arch = env["ARCH"] || process.arch;
  const platform = platforms[arch] ?? fail(`ARCH=${arch}: not one of x64, arm64`);
  const images = (env["IMAGES"] || "node operator").split(" ").filter((name) => name !== "");
  const tool = findTool();
  const contexts = contextFolder();
  for (const image of images) {
    if (!isImage(image)) fail(`IMAGES: there is no image ${image}`);
    run(join(root, "node_modules/.bin/tsc"), ["-b", ...imageRoots[image]]);
    const context = join(contexts, image);
    const made = makeContext({ root, image, folder: context, arch, revision: revision() });
    const name = `${env["REGISTRY"] || "docker.io"}/kvcluster/${image}`;
    const tag = `${name}:${env["TAG"] || made.version}`;
    const mebibytes = (made.bytes / 2 ** 20).toFixed(1);
    console.log(`${tag}: ${made.files} files, ${mebibytes} MiB beside the base image`);
    if (tool !== "none") build(tool, { tag, context, platform });
  }
}

main();
