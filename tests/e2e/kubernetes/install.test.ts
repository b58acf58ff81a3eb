/** Both ways to install and the sample, by the lines that the README tells people to type. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { buildInLab } from "./images.test-kit.ts";
import { mustRun } from "./kube.test-kit.ts";
import { isLab } from "./lab.test-kit.ts";
import { Reader, readmeBlocks } from "./readme.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet, timed } from "./waiting.test-kit.ts";

let store: Store;
let reader: Reader;
const stage = setStage("install", {
  withOperator: false,
  operatorNamespace: "kvcluster-system",
  prepare: async (it) => {
    store = it.store("store");
    reader = await Reader.sitDown(it.namespace);
    // The README's lines name no version: it is that of the packages.
    if (isLab()) await buildInLab("");
  },
});
after(() => reader?.leave());

const [install = [], make = [], application = [], byHand = [], administrators = []] =
  readmeBlocks();

/** What `kubectl get` prints, by column. */
function columns(table: string): Readonly<Record<string, string>> {
  const lines = table.trimEnd().split("\n");
  const at = lines.findLastIndex((line) => line.startsWith("NAME "));
  const [titles = [], values = []] = [lines[at], lines[at + 1]].map((line) => line?.split(/ +/));
  return Object.fromEntries(titles.map((title, i) => [title, values[i] ?? ""]));
}

async function sampleServes(): Promise<number> {
  const { value: printed, seconds } = await timed(() => reader.type(make));
  const shown = columns(printed);
  assert.deepEqual(Object.keys(shown), ["NAME", "READY", "MEMBERS", "LEADER", "VERSION", "AGE"]);
  await store.settles();
  // A settled store is looked at every half minute, and a leader may go meanwhile.
  const settled = await becomes(
    "kubectl names the pod that leads",
    async () => {
      const told = columns(await reader.type(["kubectl get kvc"]));
      const { pod } = await store.leader();
      return told["LEADER"] === pod ? told : new NotYet(`${told["LEADER"]} is told, ${pod} leads`);
    },
    { withinMs: 60_000, everyMs: 2_000 },
  );
  assert.equal(settled["READY"], "3/3");
  assert.equal(settled["MEMBERS"], "3");
  assert.match(settled["VERSION"] ?? "", /^\d+\.\d+\.\d+/);
  return seconds;
}

test("helm install, the sample, and it serves", { timeout: 600_000 }, async (t) => {
  const [helm = assert.fail("no line")] = install;
  const isThere = await stage().operator.noteDefinition();
  const { seconds } = await timed(async () => {
    await reader.type([isThere ? `${helm} --set crds.create=false` : helm]);
    await stage().operator.isReady();
  });
  const toServe = await sampleServes();
  stage().measure(t, { "operator ready after s": seconds, "sample serves after s": toServe });
});

test("the sample application reads and writes with its own token", {
  timeout: 180_000,
}, async () => {
  const [apply = assert.fail(), follow = assert.fail()] = application;
  await reader.type([apply, "kubectl rollout status deployment/app --timeout=90s"]);
  await becomes(
    "it has read what it wrote",
    async () => {
      const log = await reader.type([follow.replace("--follow", "--tail=10")]);
      return /put 20[01][\s\S]*get 200 hello at/.test(log) || new NotYet(log);
    },
    { withinMs: 90_000, everyMs: 2_000 },
  );
});

test("curl by hand: written, read, refused", { timeout: 120_000 }, async () => {
  const printed = await reader.type(byHand);
  const codes = [...printed.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, code]) => code);
  assert.deepEqual(codes, ["200", "403"], printed);
  assert.match(printed, /"revision":\d+/);
  assert.match(printed, /^blue/m);
});

test("administrators with kv and the generated secret; five nodes", {
  timeout: 480_000,
}, async () => {
  const lines = byHand.filter((line) => /port-forward|^export/.test(line));
  const printed = await reader.type([...lines, ...administrators, "rm .data/store-secret"]);
  assert.match(printed, /store-0 +voter/);
  await store.settles();
  assert.equal((await store.status()).members?.length, 5);
});

test("kubectl describe tells the story of the scale-up", { timeout: 60_000 }, async () => {
  const described = await reader.type(["kubectl describe kvc store"]);
  for (const pod of ["store-3", "store-4"]) {
    assert.match(described, new RegExp(`MemberAdmitted .*${pod}`));
    assert.match(described, new RegExp(`MemberPromoted .*${pod}`));
  }
  await store.scale(3);
  await store.settles();
});

test("helm test passes", { timeout: 240_000 }, async () => {
  const flags = ["test", "kvcluster-operator", "-n", stage().operator.namespace];
  assert.match(await mustRun("helm", [...flags, "--timeout", "180s"]), /Succeeded/);
});

test("helm uninstall leaves the cluster and its data alone", { timeout: 240_000 }, async (t) => {
  const before = await store.uids();
  await stage().operator.uninstall();
  assert.ok((await store.leader()).pod.length > 0);
  assert.deepEqual(await store.uids(), before);
  stage().measure(t, { "pods restarted": 0 });
});

test("kubectl apply of the manifest takes over what helm left", { timeout: 600_000 }, async (t) => {
  const line = install.find((text) => text.startsWith("# or: "))?.slice("# or: ".length);
  assert.match(line ?? "", /^kubectl apply /);
  const before = await store.uids();
  const { seconds } = await timed(async () => {
    await reader.type([line ?? ""]);
    await stage().operator.isReady();
    await store.settles();
  });
  assert.deepEqual(await store.uids(), before);
  await store.delete();
  const toServe = await sampleServes();
  stage().measure(t, { "operator took over after s": seconds, "sample serves after s": toServe });
});
