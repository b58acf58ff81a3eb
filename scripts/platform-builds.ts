/** Which platform builds a lock file should name, read from what its packages ask for. */

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly libc?: readonly string[];
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "win32"];
const OTHER_SYSTEMS = ["aix", "openharmony", "sunos"];
const PROCESSORS = ["x64", "arm64", "arm", "ia32", "ppc64", "riscv64", "s390x", "loong64"];

/** `binding-linux-arm64-musl` → os linux, cpu arm64, libc musl; nothing for other names. */
function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> | undefined {
  const words = name.slice(name.lastIndexOf("/") + 1).split("-");
  const os = [...SYSTEMS, ...OTHER_SYSTEMS].find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : "glibc";
  return os === "linux" ? { os: [os], cpu: [cpu], libc: [libc] } : { os: [os], cpu: [cpu] };
}

/** The lock with every platform build that one of its packages names, and the names added. */
export function completeLock(lock: Lock): { lock: Lock; added: readonly string[] } {
  const packages: Record<string, LockedPackage> = { ...lock.packages };
  const added: string[] = [];
  for (const { optionalDependencies = {}, dev } of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const platform = platformOf(name);
      const key = `node_modules/${name}`;
      if (platform === undefined || key in packages) continue;
      packages[key] = { version, ...platform, ...(dev === true && { dev }), optional: true };
      added.push(name);
    }
  }
  if (added.length === 0) return { lock, added };
  const sorted = Object.keys(packages).sort();
  const entries = sorted.map((key) => [key, packages[key]]);
  return { lock: { ...lock, packages: Object.fromEntries(entries) }, added };
}
