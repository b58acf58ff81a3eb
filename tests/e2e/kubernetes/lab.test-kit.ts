/**
 * The Kubernetes that the tests run on: the one of KUBECONFIG, else the lab, which is installed and
 * brought up when it is not there. Faults of machines are the lab's alone.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mustRun, run } from "./kube.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
/** A cold `lab install` builds Kubernetes from source on two cores. */
const INSTALL_MS = 60 * 60_000;
const UP_MS = 10 * 60_000;
const FAULT_MS = 3 * 60_000;

/** `lab`, or null when the cluster of KUBECONFIG is someone else's. */
let lab: string | null = null;

function findLab(): string {
  const places = [
    process.env["LAB"],
    join(root, "../shared/lab/lab"),
    "/work/shared/lab/lab",
  ].filter((path) => path !== undefined);
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(`no KUBECONFIG and no lab (looked for ${places.join(", ")}); set one of them`);
}

/** Sets KUBECONFIG and PATH of this process. */
export async function reachKubernetes(): Promise<void> {
  const home = process.env["LAB_HOME"] ?? "/var/lib/kvlab";
  const own = join(home, "run/admin.kubeconfig");
  if (![undefined, "", own].includes(process.env["KUBECONFIG"])) {
    await mustRun("kubectl", ["get", "--raw", "/readyz"]);
    return;
  }
  lab = findLab();
  if ((await run(lab, ["status"])).code !== 0) {
    // Nothing to do when it is installed; waits when somebody is at it.
    if (!existsSync(home)) console.log("installing the lab: half an hour on a new machine");
    await mustRun(lab, ["install"], { timeoutMs: INSTALL_MS });
    await mustRun(lab, ["up", "--nodes", "3"], { timeoutMs: UP_MS });
  }
  process.env["KUBECONFIG"] = own;
  process.env["PATH"] = `${join(home, "bin")}:${process.env["PATH"]}`;
}

export const isLab = (): boolean => lab !== null;

/**
 * The addon waits for its definitions with `kubectl wait`, which ends with an error when it looks
 * at one whose status has no conditions yet. That says nothing of the definition: it may be asked
 * again, as everything that the addon does may.
 */
export async function addPrometheus(): Promise<void> {
  try {
    await labMust(["addon", "prometheus"], UP_MS);
  } catch (error) {
    if (!String(error).includes("conditions accessor error")) throw error;
    await labMust(["addon", "prometheus"], UP_MS);
  }
}

/** Builds a folder with a Containerfile and loads the image into every node. */
export const imageInLab = (tag: string, folder: string): Promise<void> =>
  labMust(["image", tag, folder], UP_MS);

export type Fault = "kill" | "cut";

const done: Record<Fault, readonly [string, string]> = {
  kill: ["kill-node", "start-node"],
  cut: ["cut-node", "heal-node"],
};

/** Nodes that were faulted and are not whole again. */
const faulted = new Map<string, Fault>();

const indexOf = (node: string): string => {
  const [, index] = /^node-(\d+)$/.exec(node) ?? [];
  if (index === undefined) throw new Error(`not a node of the lab: ${node}`);
  return index;
};

export async function inflict(fault: Fault, node: string): Promise<void> {
  faulted.set(node, fault);
  await labMust([done[fault][0], indexOf(node)], FAULT_MS);
}

/** Undoes what was done to a node; nothing when it is whole. */
export async function undo(node: string): Promise<void> {
  const fault = faulted.get(node);
  if (fault === undefined) return;
  await labMust([done[fault][1], indexOf(node)], FAULT_MS);
  faulted.delete(node);
}

export async function undoAll(): Promise<void> {
  for (const node of [...faulted.keys()]) await undo(node);
}

async function labMust(args: readonly string[], timeoutMs: number): Promise<void> {
  if (lab === null) throw new Error(`lab ${args.join(" ")}: this cluster is not the lab's`);
  await mustRun(lab, args, { timeoutMs });
}
