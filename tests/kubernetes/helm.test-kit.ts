/** Helm as the tests use it: each version there is, on a Kubernetes that may be shared. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { mustRun, type Ran, run } from "../e2e/kubernetes/kube.test-kit.ts";
import { isEstablished } from "../e2e/kubernetes/waiting.test-kit.ts";

export const root: string = join(import.meta.dirname, "../..");
export const operatorChart: string = join(root, "charts/kvcluster-operator");
export const clusterChart: string = join(root, "charts/kvcluster");

/** Helm of the PATH, and HELM3 when that names another one. */
export const helms: readonly string[] = [
  "helm",
  ...(process.env["HELM3"] === undefined ? [] : [process.env["HELM3"]]),
];

const set = (values: readonly string[]): string[] => values.flatMap((v) => ["--set", v]);
/** Without one, a Helm that was built from source renders for Kubernetes 1.20. */
const kubeVersion = ["--kube-version", "1.37.0"];

export interface Rendering {
  readonly helm: string;
  readonly chart: string;
  readonly namespace: string;
  readonly values: readonly string[];
}

export async function render(rendering: Rendering): Promise<string> {
  const { helm, chart, namespace, values } = rendering;
  const place = ["-n", namespace, ...kubeVersion];
  return await mustRun(helm, ["template", "trial", chart, ...place, ...set(values)]);
}

/** As much of a rule of RBAC as is looked at. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly Rule[];
}

/** What belongs to rights, of the operator's chart in a namespace. */
export async function renderRights(
  namespace: string,
  values: readonly string[] = [],
): Promise<readonly Rendered[]> {
  const all = ["rbac.aggregateToUserRoles=false", ...values];
  const text = await render({ helm: "helm", chart: operatorChart, namespace, values: all });
  const objects = parseAllDocuments(text).map((document): Rendered => document.toJS());
  return objects.filter(({ kind }) => /Role|^ServiceAccount/.test(kind));
}

/** What Helm says when it refuses. */
export async function refusal(helm: string, chart: string, value: string): Promise<string> {
  const { code, stderr } = await run(helm, [
    ...["template", "trial", chart, ...kubeVersion],
    ...["--set", value],
  ]);
  assert.notEqual(code, 0, `${helm} accepted ${value}`);
  return stderr;
}

export const kubectl = (args: readonly string[], input = ""): Promise<string> =>
  mustRun("kubectl", args, { input });

export async function exists(what: readonly string[]): Promise<boolean> {
  const found = await kubectl(["get", ...what, "--ignore-not-found", "-o", "name"]);
  return found.trim() !== "";
}

/** The API server serves a definition that was applied just before. */
export const isServed = (definition: string): Promise<void> =>
  isEstablished(definition, async () =>
    JSON.parse(await kubectl(["get", "crd", definition, "-o", "json"])),
  );

/** Whether a service account may do `verb` on `what`, there or (null) in all namespaces. */
export async function mayDo(
  account: string,
  [verb, what]: readonly [string, string],
  namespace: string | null,
): Promise<boolean> {
  const scope = namespace === null ? ["--all-namespaces"] : ["-n", namespace];
  const ran: Ran = await run("kubectl", ["auth", "can-i", verb, what, "--as", account, ...scope]);
  const answer = ran.stdout.trim().split("\n").at(-1) ?? "";
  assert.match(answer, /^(yes|no)( |$)/, `can-i ${verb} ${what}: ${ran.stdout}${ran.stderr}`);
  return answer.startsWith("yes");
}
