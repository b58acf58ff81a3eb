/**
 * Install, upgrade, uninstall: what they give the operator, and what they must leave alone. The
 * operator itself does not run here (replicas=0), so no image is needed.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mustRun } from "../e2e/kubernetes/kube.test-kit.ts";
import { reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";
import { exists, helms, isServed, kubectl, mayDo, operatorChart } from "./helm.test-kit.ts";

const namespace = `kvcluster-lifecycle-${process.pid}`;
const watched = `${namespace}-watched`;
const release = `trial-${process.pid}`;
const account = `system:serviceaccount:${namespace}:${release}-kvcluster-operator`;
const definitionName = "kvclusters.kvcluster.io";
const definition = ["crd", definitionName];
const store = ["kvcluster", "store", "-n", namespace];
let hadDefinition = true;
/** Whose release the definition was before: the tests make it theirs for a while. */
const owner = ["meta.helm.sh/release-name", "meta.helm.sh/release-namespace"];
let ownedBefore: Readonly<Record<string, string>> = {};

async function annotationsOf(what: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const { metadata } = JSON.parse(await kubectl(["get", ...what, "-o", "json"]));
  return metadata.annotations ?? {};
}

before(async () => {
  await reachKubernetes();
  hadDefinition = await exists(definition);
  if (hadDefinition) ownedBefore = await annotationsOf(definition);
  for (const name of [namespace, watched]) await kubectl(["create", "namespace", name]);
});

after(async () => {
  // A test that failed on its way has left a release, and with it roles of the whole cluster.
  await mustRun("helm", ["uninstall", release, "-n", namespace, "--ignore-not-found"]);
  await kubectl(["delete", "namespace", namespace, watched, "--timeout=120s"]);
  if (hadDefinition) {
    const restored = owner.map((name) =>
      ownedBefore[name] === undefined ? `${name}-` : `${name}=${ownedBefore[name]}`,
    );
    await kubectl(["annotate", ...definition, "--overwrite", ...restored]);
  } else {
    await kubectl(["delete", ...definition, "--ignore-not-found", "--timeout=60s"]);
  }
});

async function helmDo(helm: string, verb: string, values: readonly string[] = []): Promise<void> {
  const chart = verb === "uninstall" ? [] : [operatorChart, "--set", "replicas=0"];
  // The definition may be there from elsewhere, without the marks of a release.
  const adopt = verb === "uninstall" ? ["--wait"] : ["--take-ownership"];
  const set = values.flatMap((value) => ["--set", value]);
  await mustRun(helm, [verb, release, ...chart, "-n", namespace, ...adopt, ...set]);
}

const uidOf = (what: readonly string[]): Promise<string> =>
  kubectl(["get", ...what, "-o", "jsonpath={.metadata.uid}"]);

const clusterRole = `${namespace}-${release}-kvcluster-operator`;

for (const helm of helms) {
  test(`${helm} keeps definition and KVClusters through upgrade and uninstall`, async () => {
    await helmDo(helm, "install");
    await isServed(definitionName);
    const manifest = "apiVersion: kvcluster.io/v1alpha1\nkind: KVCluster\nmetadata: {name: store}";
    await kubectl(["apply", "-n", namespace, "-f", "-"], manifest);
    const before = [await uidOf(definition), await uidOf(store)];
    const isAsBefore = async (step: string): Promise<void> =>
      assert.deepEqual([await uidOf(definition), await uidOf(store)], before, step);

    await helmDo(helm, "upgrade", ["logLevel=debug"]);
    await isAsBefore("upgrade");
    await helmDo(helm, "upgrade", ["crds.create=false"]);
    await isAsBefore("upgrade that takes the definition out of the release");
    await helmDo(helm, "upgrade");
    await helmDo(helm, "uninstall");
    await isAsBefore("uninstall");
    assert.equal(await exists(["clusterrole", clusterRole]), false, "the roles are gone");
    await helmDo(helm, "install");
    await isAsBefore("install anew");
    await helmDo(helm, "uninstall");
    await kubectl(["delete", ...store]);
  });
}

test("for all namespaces the operator reads Secrets by name and never lists them", async () => {
  await helmDo("helm", "install");
  try {
    assert.equal(await mayDo(account, ["list", "kvclusters.kvcluster.io"], null), true);
    assert.equal(await mayDo(account, ["get", "secrets"], watched), true);
    for (const verb of ["list", "watch", "update", "delete", "deletecollection"]) {
      assert.equal(await mayDo(account, [verb, "secrets"], null), false, verb);
    }
    for (const foreign of ["nodes", "roles.rbac.authorization.k8s.io", "deployments.apps"]) {
      assert.equal(await mayDo(account, ["list", foreign], null), false, foreign);
    }
    assert.equal(await mayDo(account, ["update", "kvclusters.kvcluster.io"], null), false);
    assert.equal(await mayDo(account, ["create", "pods/exec"], watched), false);
  } finally {
    await helmDo("helm", "uninstall");
  }
});

test("with watchNamespaces it has rights there and nowhere else", async () => {
  await helmDo("helm", "install", [`watchNamespaces={${watched}}`]);
  try {
    const kinds = ["kvclusters.kvcluster.io", "pods", "statefulsets.apps", "configmaps"];
    for (const kind of kinds) {
      assert.equal(await mayDo(account, ["list", kind], watched), true, kind);
      assert.equal(await mayDo(account, ["list", kind], null), false, kind);
      assert.equal(await mayDo(account, ["list", kind], "default"), false, kind);
    }
    assert.equal(await mayDo(account, ["get", "secrets"], watched), true);
    assert.equal(await mayDo(account, ["list", "secrets"], watched), false);
    for (const verb of ["get", "create", "patch", "list"]) {
      assert.equal(await mayDo(account, [verb, "secrets"], "default"), false, verb);
    }
    const crds = "customresourcedefinitions.apiextensions.k8s.io";
    assert.equal(await mayDo(account, ["get", `${crds}/kvclusters.kvcluster.io`], null), true);
    assert.equal(await mayDo(account, ["get", crds], null), false);
    assert.equal(await mayDo(account, ["create", "leases.coordination.k8s.io"], namespace), true);
    assert.equal(await mayDo(account, ["create", "leases.coordination.k8s.io"], watched), false);
  } finally {
    await helmDo("helm", "uninstall");
  }
});
