/**
 * The Kubernetes that the tests run on: the one of KUBECONFIG, else the lab, which is installed and
 * brought up when it is not there. Faults of machines are the lab's alone.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun, type Ran, run } from "./kube.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
/** A cold `lab install` builds Kubernetes from source on two cores. */
const INSTALL_MS = 60 * 60_000;
const UP_MS = 10 * 60_000;
const FAULT_MS = 3 * 60_000;
const UP_ATTEMPTS_MAX = 4;
const NODES = 3;
/** A node that a test before switched on again may not have told yet that it is there. */
const NODES_READY_S = 60;

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

const home = process.env["LAB_HOME"] ?? "/var/lib/kvlab";

/** Sets KUBECONFIG and PATH of this process. */
export async function reachKubernetes(): Promise<void> {
  const own = join(home, "run/admin.kubeconfig");
  if (![undefined, "", own].includes(process.env["KUBECONFIG"])) {
    await mustRun("kubectl", ["get", "--raw", "/readyz"]);
    return;
  }
  lab = findLab();
  process.env["KUBECONFIG"] = own;
  process.env["PATH"] = `${join(home, "bin")}:${process.env["PATH"]}`;
  if (await isLabWhole()) return;
  // Nothing to do when it is installed; waits when somebody is at it.
  if (!existsSync(home)) console.log("installing the lab: half an hour on a new machine");
  await mustRun(lab, ["install"], { timeoutMs: INSTALL_MS });
  await bringUpLab(lab);
}

/** A session that ended leaves the files of a lab without its processes, or a part of its nodes. */
async function isLabWhole(): Promise<boolean> {
  if (!existsSync(join(home, "run/nodes"))) return false;
  if ((await run("kubectl", ["get", "--raw", "/readyz"])).code !== 0) return false;
  const nodes = Array.from({ length: NODES }, (_, index) => `node/node-${index}`);
  const wait = ["wait", "--for=condition=Ready", `--timeout=${NODES_READY_S}s`];
  return (await run("kubectl", [...wait, ...nodes])).code === 0;
}

/**
 * The nodes' containerds start at once and share one path for their NRI socket. Each removes the
 * file and binds it; two of them in step, and the one that binds second ends. That says nothing
 * of what is tested here: it is told, and the lab brought up again. Any other failure stands.
 */
async function bringUpLab(command: string): Promise<void> {
  for (let left = UP_ATTEMPTS_MAX - 1; ; left -= 1) {
    await mustRun(command, ["down"], { timeoutMs: FAULT_MS });
    const up = await run(command, ["up", "--nodes", `${NODES}`], { timeoutMs: UP_MS });
    if (up.code === 0) return;
    const place = findSocketRace();
    if (place === null || left === 0) throw new Error(`lab up (${up.code}):\n${textOf(up)}`);
    console.log(`lab up: ${place}: two containerds raced for their NRI socket; once more`);
  }
}

const textOf = ({ stdout, stderr }: Ran): string => `${stderr}${stdout}`;

/** The log that tells of the race, or null. */
function findSocketRace(): string | null {
  const logs = join(home, "run/log");
  const paths = readdirSync(logs).map((name) => join(logs, name, "containerd.log"));
  const tells = (path: string): boolean =>
    existsSync(path) && /nri\.sock: bind: address already in use/.test(readFileSync(path, "utf8"));
  return paths.find(tells) ?? null;
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
