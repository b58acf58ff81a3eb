/**
 * Which suite a test file belongs to, and how each suite runs. A test file is named *.test.ts and
 * found by its place: tests/<suite>/ or, beside the code, by its name.
 */

export interface Suite {
  readonly name: string;
  /** Files at a time: as many as there are cores, or one where files compete for ports and disk. */
  readonly run: "parallel" | "serial";
  /** `make test` fails when a required suite has no test file: a lost suite must not look green. */
  readonly required: boolean;
  /** A file that takes longer than this hangs. Left out: 20 minutes. */
  readonly fileMinutesMax?: number;
}

/** In the order in which they run: the quick and the telling first. */
export const suites: readonly Suite[] = [
  { name: "tidy", run: "parallel", required: true },
  { name: "unit", run: "parallel", required: true },
  { name: "paper", run: "parallel", required: true },
  { name: "golden", run: "parallel", required: true },
  { name: "auth-matrix", run: "parallel", required: true },
  { name: "fuzz", run: "parallel", required: true },
  { name: "security", run: "parallel", required: true },
  { name: "operator", run: "parallel", required: true },
  { name: "simulation", run: "parallel", required: true },
  { name: "linearizability", run: "serial", required: true },
  { name: "cluster", run: "serial", required: true },
  { name: "e2e", run: "serial", required: false, fileMinutesMax: 30 },
  { name: "e2e-full", run: "serial", required: false, fileMinutesMax: 30 },
  // After e2e, which brings the kinds of prometheus-operator: it looks at those too then.
  { name: "kubernetes", run: "serial", required: false },
];

/** Suites that need a Kubernetes (KUBECONFIG, or the lab): run only when asked for by name. */
export const suitesByRequestOnly: ReadonlySet<string> = new Set(["kubernetes", "e2e", "e2e-full"]);

const suiteByFileName: readonly (readonly [RegExp, string])[] = [
  [/^paper[.-]/, "paper"],
  [/^golden[.-]/, "golden"],
  [/^auth-matrix[.-]/, "auth-matrix"],
  [/(^|[.-])fuzz[.-]/, "fuzz"],
  [/^simulation[.-]/, "simulation"],
];

/** The suite of a test file, from its path relative to the repository's root. */
export function suiteOf(path: string): string {
  const directory = /^tests\/([^/]+)\//.exec(path)?.[1];
  if (directory !== undefined) return directory;
  const fileName = path.slice(path.lastIndexOf("/") + 1);
  return suiteByFileName.find(([pattern]) => pattern.test(fileName))?.[1] ?? "unit";
}
