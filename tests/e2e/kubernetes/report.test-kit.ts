/**
 * What a run measured and what it leaves for whoever looks into a failure: figures as lines of JSON
 * and logs as files, under `.e2e/` in the repository (or E2E_FOLDER).
 */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Kube, type Ran, run } from "./kube.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
export const reportFolder: string = process.env["E2E_FOLDER"] ?? join(root, ".e2e");
export const measuresFile: string = join(reportFolder, "measures.jsonl");

export interface Measure {
  readonly area: string;
  readonly scenario: string;
  /** Figures by what they are, unit last: `write unavailability ms`. */
  readonly figures: Readonly<Record<string, number | string>>;
}

/** Anything that can print below a test: node:test's context. */
export interface Teller {
  readonly name: string;
  diagnostic(message: string): void;
}

export function measure(teller: Teller, area: string, figures: Measure["figures"]): void {
  const told = Object.entries(figures).map(([what, value]) => `${what} ${value}`);
  teller.diagnostic(told.join(", "));
  mkdirSync(reportFolder, { recursive: true });
  const line: Measure = { area, scenario: teller.name, figures };
  appendFileSync(measuresFile, `${JSON.stringify(line)}\n`);
}

/** Logs and descriptions of everything in these namespaces. @returns the folder */
export async function keepLogs(
  kube: Kube,
  area: string,
  namespaces: readonly string[],
): Promise<string> {
  const stamp = new Date().toISOString().replace(/[:.]/g, "-");
  const folder = join(reportFolder, "failures", `${area}-${stamp}`);
  mkdirSync(folder, { recursive: true });
  const keep = (name: string, { stdout, stderr }: Ran): void =>
    writeFileSync(join(folder, name), `${stdout}${stderr === "" ? "" : `\n---\n${stderr}`}`);
  const ask = async (name: string, args: readonly string[]): Promise<void> =>
    keep(name, await run("kubectl", args, { timeoutMs: 60_000 }));
  await ask("nodes.txt", ["describe", "nodes"]);
  for (const namespace of namespaces) {
    const inside = (args: readonly string[]): readonly string[] => ["-n", namespace, ...args];
    await ask(`${namespace}-kvclusters.yaml`, inside(["get", "kvc", "-o", "yaml"]));
    await ask(`${namespace}-all.txt`, inside(["get", "all,pvc,cm,pdb,netpol,lease", "-o", "wide"]));
    await ask(`${namespace}-events.txt`, inside(["get", "events", "--sort-by=.lastTimestamp"]));
    await ask(`${namespace}-pods.txt`, inside(["describe", "pods,sts,pvc,kvc"]));
    for (const { metadata } of await kube.pods(namespace).catch(() => [])) {
      const { name } = metadata;
      await ask(`${namespace}-${name}.log`, inside(["logs", name, "--all-containers"]));
      const last = await run("kubectl", inside(["logs", name, "--previous"]));
      if (last.code === 0) keep(`${namespace}-${name}-previous.log`, last);
    }
  }
  return folder;
}
