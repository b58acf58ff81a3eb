/**
 * Which installed packages an image needs, read from the lock file: what the workspaces in it
 * depend on in production, found where Node would find it. Pure.
 */

interface LockedPackage {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface Closure {
  /** Folders of our own packages, relative to the root: `protocol`. */
  readonly workspaces: readonly string[];
  /** Folders of other packages, relative to the root: `node_modules/ajv/node_modules/fast-uri`. */
  readonly packages: readonly string[];
}

/** Packages that only build others: RocksDB's are for making its binary, which comes ready made. */
const buildOnly: ReadonlySet<string> = new Set(["prebuildify", "napi-macros"]);

/** Some packages depend on types in production, which no running code reads. */
const isForBuilding = (name: string): boolean => buildOnly.has(name) || name.startsWith("@types/");

/** Node's search: beside the package, then in each folder above it. */
function locate(lock: Lock, from: string, name: string): string | undefined {
  const parts = from === "" ? [] : from.split("/");
  for (let length = parts.length; length >= 0; length -= 1) {
    const path = [...parts.slice(0, length), "node_modules", name].join("/");
    if (path in lock.packages) return path;
  }
  return undefined;
}

/** Names that a package needs, and whether it works without them. */
function needsOf(one: LockedPackage): readonly (readonly [string, boolean])[] {
  const optional = Object.keys(one.optionalDependencies ?? {});
  const isOptionalPeer = (name: string): boolean =>
    one.peerDependenciesMeta?.[name]?.optional === true;
  return [
    ...Object.keys(one.dependencies ?? {}).map((name) => [name, false] as const),
    ...Object.keys(one.peerDependencies ?? {}).map((name) => [name, isOptionalPeer(name)] as const),
    ...optional.map((name) => [name, true] as const),
  ];
}

/** Everything that `workspaces` need in production. @throws Error when the lock lacks a package */
export function productionClosure(lock: Lock, workspaces: readonly string[]): Closure {
  const waiting = [...workspaces];
  const found = new Set(waiting);
  const add = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    waiting.push(path);
  };
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const [name, isOptional] of needsOf(lock.packages[path] ?? {})) {
      if (isForBuilding(name)) continue;
      const at = locate(lock, path, name);
      if (at !== undefined) add(lock.packages[at]?.resolved ?? at);
      else if (!isOptional)
        throw new Error(`package-lock.json has no ${name}, which ${path} needs`);
    }
  }
  const isOurs = (path: string): boolean => !path.startsWith("node_modules/");
  return {
    workspaces: [...found].filter(isOurs).sort(),
    packages: [...found].filter((path) => !isOurs(path)).sort(),
  };
}
