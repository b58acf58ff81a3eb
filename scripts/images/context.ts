/**
 * Makes the folder that an image is built from: compiled code, production dependencies without what
 * nobody runs, and the Containerfile with its version. Nothing is downloaded or run in the image,
 * so each builder makes the same of it.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { type Lock, productionClosure } from "./production-closure.ts";

export type ImageName = "node" | "operator";

export interface ContextOptions {
  /** The repository. */
  readonly root: string;
  readonly image: ImageName;
  /** Made anew. */
  readonly folder: string;
  /** As `process.arch` names it. */
  readonly arch: string;
  /** Commit the code is from; empty when unknown. */
  readonly revision: string;
}

export interface ContextSummary {
  readonly version: string;
  readonly files: number;
  readonly bytes: number;
}

/** Our packages in each image, beside those that they need. The node's has the `kv` command. */
export const imageRoots: Readonly<Record<ImageName, readonly string[]>> = {
  node: ["node", "client"],
  operator: ["operator"],
};

/** The launcher of a cluster on a laptop has no place in a pod. */
const notShipped: ReadonlySet<string> = new Set(["client/dist/local"]);
const uselessSuffix = /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|tsbuildinfo|flow|html|yml|cc|h|gyp)$/;
const uselessFolder = /^(tests?|__tests__|benchmarks?|bench|examples?|docs|coverage|\.github)$/;
const license = /^(licen[cs]e|notice|copying|copyright)/i;

interface Copied {
  files: number;
  bytes: number;
}

type Wanted = (path: string, isFolder: boolean) => boolean;

/** Copies files that are wanted, with modes that any user in a container can read. */
function copyTree(from: string, to: string, options: { wanted: Wanted; copied: Copied }): void {
  const { wanted, copied } = options;
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const path = relative(from, source);
    const folders = dirname(path).split("/");
    const isIn = folders.every((_, i) => wanted(folders.slice(0, i + 1).join("/"), true));
    if (!isIn || !wanted(path, false)) continue;
    const target = join(to, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
    const { mode, size } = statSync(source);
    chmodSync(target, (mode & 0o111) === 0 ? 0o644 : 0o755);
    copied.files += 1;
    copied.bytes += size;
  }
}

/** RocksDB ships its sources and a binary for each platform: one of them is enough. */
const isRocksFileWanted = (path: string, platform: string): boolean =>
  /^(prebuilds|\.)$/.test(path) ||
  path === `prebuilds/${platform}` ||
  path.startsWith(`prebuilds/${platform}/`) ||
  /^[^/]+\.(js|json)$/.test(path) ||
  license.test(path);

/** A package's own packages are copied for themselves. */
const isPackageFileWanted = (path: string, isFolder: boolean): boolean => {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (isFolder) return path !== "node_modules" && !uselessFolder.test(path);
  return license.test(name) || !uselessSuffix.test(path);
};

function copyPackage(options: ContextOptions, path: string, copied: Copied): void {
  const platform = `linux-${options.arch}`;
  const from = join(options.root, path);
  if (!existsSync(from)) throw new Error(`${path} is not installed: run make install`);
  const isRocks = path === "node_modules/rocksdb";
  if (isRocks && !existsSync(join(from, "prebuilds", platform))) {
    throw new Error(`RocksDB has no ready-made binary for ${platform}; set ARCH=x64`);
  }
  const wanted: Wanted = isRocks
    ? (file) => isRocksFileWanted(file, platform)
    : isPackageFileWanted;
  copyTree(from, join(options.folder, "app", path), { wanted, copied });
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly type: string;
  readonly bin?: unknown;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/**
 * One of our packages: its compiled code, which here is what its name means. What was compiled from
 * a source that is gone stays in dist/, but not in an image.
 */
function copyWorkspace(options: ContextOptions, workspace: string, copied: Copied): void {
  const from = join(options.root, workspace);
  const app = join(options.folder, "app");
  const wanted: Wanted = (path, isFolder) =>
    isFolder
      ? !notShipped.has(`${workspace}/dist/${path}`)
      : extname(path) === ".js" && existsSync(join(from, "src", path.replace(/js$/, "ts")));
  if (!existsSync(join(from, "dist"))) throw new Error(`${workspace} is not compiled: run tsc -b`);
  copyTree(join(from, "dist"), join(app, workspace, "dist"), { wanted, copied });
  if (existsSync(join(from, "bin"))) {
    copyTree(join(from, "bin"), join(app, workspace, "bin"), { wanted: () => true, copied });
  }
  const { name, version, license: terms, type } = readManifest(from);
  const exports = { ".": "./dist/index.js" };
  const manifest = { name, version, license: terms, type, private: true, exports };
  writeFileSync(join(app, workspace, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const link = join(app, "node_modules", name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), join(app, workspace)), link);
}

/** The Containerfile with its arguments filled in, for builders that cannot be given any. */
function writeContainerfile({ root, image, folder, revision }: ContextOptions): string {
  const { version } = readManifest(root);
  const given: Readonly<Record<string, string>> = { VERSION: version, REVISION: revision };
  const text = readFileSync(join(root, image, "Containerfile"), "utf8");
  const filled = text.replace(/^ARG (VERSION|REVISION)$/gm, (line, name: string) =>
    given[name] === undefined ? line : `ARG ${name}=${given[name]}`,
  );
  writeFileSync(join(folder, "Containerfile"), filled);
  return version;
}

/** @throws Error when something is not compiled, not installed or has no binary */
export function makeContext(options: ContextOptions): ContextSummary {
  const { root, image, folder } = options;
  rmSync(folder, { recursive: true, force: true });
  const app = join(folder, "app");
  mkdirSync(app, { recursive: true });
  const lock: Lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const closure = productionClosure(lock, imageRoots[image]);
  const copied: Copied = { files: 0, bytes: 0 };
  for (const path of closure.packages) copyPackage(options, path, copied);
  for (const workspace of closure.workspaces) copyWorkspace(options, workspace, copied);
  if (closure.workspaces.includes("client")) {
    mkdirSync(join(app, "bin"));
    symlinkSync("../client/bin/kv.js", join(app, "bin/kv"));
  }
  copyFileSync(join(root, "LICENSE"), join(app, "LICENSE"));
  const version = writeContainerfile(options);
  return { version, ...copied };
}
