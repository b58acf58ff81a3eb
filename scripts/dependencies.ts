/**
 * `make dependencies`: what ships beside our own code, from the lock file and without a network:
 * each production package with version, licence and who asked for it. Fails on what the rules below
 * do not allow. tests/security/dependencies.test.ts asks the same of every commit.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** An entry of the lock file; the fields that are looked at. */
interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly deprecated?: string;
  readonly hasInstallScript?: boolean;
}

/** A package that is installed where only production dependencies are. */
export interface ProductionPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** One of our workspaces names it itself. */
  readonly isDirect: boolean;
  /** What the rules do not allow, each in words. */
  readonly faults: readonly string[];
}

/** Licences that let this be shipped under Apache-2.0. */
export const allowedLicences: ReadonlySet<string> = new Set([
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
  "PSF-2.0",
  "Unlicense",
]);

/** Code of theirs that runs at installation; `ignore-scripts` is set, and what it would build. */
const allowedInstallScripts: ReadonlySet<string> = new Set(["rocksdb"]);

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The packages of a lock file of version 3. */
function lockEntries(lock: unknown): readonly (readonly [string, LockEntry])[] {
  const packages = isRecord(lock) ? lock["packages"] : null;
  if (!isRecord(packages)) throw new Error("package-lock.json has no packages");
  return Object.entries(packages).filter((entry): entry is [string, LockEntry] =>
    isRecord(entry[1]),
  );
}

function directNames(): ReadonlySet<string> {
  const names = ["protocol", "node", "client", "operator"].flatMap((workspace) => {
    const manifest = readJson(`${workspace}/package.json`);
    const dependencies = isRecord(manifest) ? manifest["dependencies"] : null;
    return isRecord(dependencies) ? Object.keys(dependencies) : [];
  });
  return new Set(names);
}

function faultsOf(name: string, entry: LockEntry): readonly string[] {
  const faults: string[] = [];
  const licence = entry.license ?? "none";
  if (!allowedLicences.has(licence)) faults.push(`licence ${licence}`);
  if (entry.integrity === undefined) faults.push("no integrity");
  if (entry.deprecated !== undefined) faults.push(`deprecated: ${entry.deprecated}`);
  if (entry.hasInstallScript === true && !allowedInstallScripts.has(name)) {
    faults.push("runs a script when it is installed");
  }
  return faults;
}

/** All production packages, sorted by name. */
export function productionPackages(
  lock: unknown = readJson("package-lock.json"),
): readonly ProductionPackage[] {
  const direct = directNames();
  return lockEntries(lock)
    .filter(([path, { dev, link }]) => path.includes("node_modules/") && !dev && !link)
    .map(([path, entry]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      return {
        name,
        version: entry.version ?? "",
        licence: entry.license ?? "none",
        isDirect: direct.has(name) && path === `node_modules/${name}`,
        faults: faultsOf(name, entry),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function main(): void {
  const packages = productionPackages();
  for (const { name, version, licence, isDirect, faults } of packages) {
    const marks = [isDirect ? "direct" : "", ...faults].filter((mark) => mark !== "").join(", ");
    console.log(
      `${name.padEnd(40)} ${version.padEnd(12)} ${licence.padEnd(14)} ${marks}`.trimEnd(),
    );
  }
  const faulty = packages.filter(({ faults }) => faults.length > 0).length;
  console.log(`${packages.length} packages, ${faulty} with a fault`);
  if (faulty > 0) process.exitCode = 1;
}

if (import.meta.main) main();
