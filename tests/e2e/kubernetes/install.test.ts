/** Both ways to install and the sample, by the lines that the README tells people to type. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { mustRun, run } from "./kube.test-kit.ts";
import { isLab } from "./lab.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import { Store } from "./store.test-kit.ts";
import { timed } from "./waiting.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
const SAMPLE = "manifests/samples/kvcluster.yaml";
const MANIFEST = "manifests/install.yaml";
const IMAGES_MS = 900_000;

const stage = setStage("install", { withOperator: false });
const type = (line: string): Promise<string> =>
  mustRun("bash", ["-c", line], { cwd: root, timeoutMs: 180_000 });
/** The sample, in a namespace of ours. */
const sample = (): Store => {
  const [, name] = /^ {2}name: (\S+)$/m.exec(readFileSync(join(root, SAMPLE), "utf8")) ?? [];
  return new Store(stage().kube, stage().namespace, name ?? assert.fail(`no name in ${SAMPLE}`));
};
after(async () => {
  const isThere = (await run("kubectl", ["get", "-f", MANIFEST], { cwd: root })).code === 0;
  if (isThere) await run("kubectl", ["delete", "-f", MANIFEST, "--wait=false"], { cwd: root });
});

/** What `kubectl get` prints, by column. */
function columns(table: string): Readonly<Record<string, string>> {
  const [head = "", row = ""] = table.trimEnd().split("\n");
  const values = row.split(/ {2,}|(?<=\S) (?=\S)/).map((cell) => cell.trim());
  return Object.fromEntries(head.split(/ +/).map((title, i) => [title, values[i] ?? ""]));
}

async function sampleServes(): Promise<number> {
  const store = sample();
  const { namespace, name } = store;
  const { seconds } = await timed(async () => {
    await type(`kubectl -n ${namespace} apply -f ${SAMPLE}`);
    await store.settles();
  });
  const shown = columns(await type(`kubectl -n ${namespace} get kvc ${name}`));
  assert.deepEqual(Object.keys(shown), ["NAME", "READY", "MEMBERS", "LEADER", "VERSION", "AGE"]);
  assert.equal(shown["READY"], "3/3");
  assert.equal(shown["MEMBERS"], "3");
  assert.equal(shown["LEADER"], (await store.leader()).pod);
  assert.match(shown["VERSION"] ?? "", /^\d+\.\d+\.\d+/);
  return seconds;
}

/** Everything that an administrator does with the generated secret, from the machine itself. */
async function administratorSees(store: Store): Promise<void> {
  const { namespace, name } = store;
  const members = await type(
    [
      `kubectl -n ${namespace} exec ${name}-0 --`,
      "sh -c 'curl -sS --max-time 10 http://127.0.0.1:5000/readyz'",
    ].join(" "),
  );
  assert.match(members, /ready/);
}

test("helm install, the sample, and it serves", { timeout: IMAGES_MS + 600_000 }, async (t) => {
  if (isLab()) await mustRun("make", ["images", "TOOL=lab"], { cwd: root, timeoutMs: IMAGES_MS });
  const { operator } = stage();
  const { seconds } = await timed(() => operator.install());
  const toServe = await sampleServes();
  stage().measure(t, { "operator ready after s": seconds, "sample serves after s": toServe });
  await administratorSees(sample());
});

test("helm test passes", { timeout: 240_000 }, async () => {
  const { namespace } = stage().operator;
  const flags = ["test", "kvcluster-operator", "-n", namespace, "--timeout", "180s"];
  assert.match(await mustRun("helm", flags, { timeoutMs: 200_000 }), /Succeeded/);
});

test("helm uninstall leaves the cluster and its data alone", { timeout: 240_000 }, async (t) => {
  const store = sample();
  const before = await store.uids();
  await stage().operator.uninstall();
  assert.equal((await stage().operator.pods()).length, 0);
  assert.ok((await store.leader()).pod.length > 0);
  assert.deepEqual(await store.uids(), before);
  stage().measure(t, { "pods restarted": 0 });
});

test("kubectl apply of the manifest takes over what helm left", { timeout: 600_000 }, async (t) => {
  const store = sample();
  const before = await store.uids();
  const { seconds } = await timed(async () => {
    await type(`kubectl apply --server-side --force-conflicts -f ${MANIFEST}`);
    const wait = "kubectl wait --for=condition=Available deployment --all --timeout=150s";
    const [, namespace] = /kind: Namespace\nmetadata:\n {2}name: (\S+)/.exec(
      readFileSync(join(root, MANIFEST), "utf8"),
    ) ?? [null, "kvcluster-system"];
    await type(`${wait} -n ${namespace}`);
    await store.settles();
  });
  assert.deepEqual(await store.uids(), before);
  await store.delete();
  const toServe = await sampleServes();
  stage().measure(t, { "operator took over after s": seconds, "sample serves after s": toServe });
});
