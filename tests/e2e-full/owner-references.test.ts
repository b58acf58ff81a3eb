/**
 * The one right of the chart that the lab's own API server never misses: where the admission plugin
 * OwnerReferencesPermissionEnforcement is on, as on OpenShift, a child whose owner reference blocks
 * the owner's deletion may be made only by who may update the owner's finalizers.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { controllerRef, decodeKVCluster } from "../../operator/src/model/index.ts";
import { isLab, reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";
import { becomes, isEstablished, NotYet } from "../e2e/kubernetes/waiting.test-kit.ts";
import { type Rule, renderRights, root } from "../kubernetes/helm.test-kit.ts";
import { PrivateApiServer } from "./private-api-server.test-kit.ts";

const OPERATOR = "operator";
const DEFINITION = "kvclusters.kvcluster.io";
let server: PrivateApiServer;

before(async () => {
  await reachKubernetes();
  assert.ok(isLab(), "only the lab has the programs of an API server");
  server = await PrivateApiServer.start(["OwnerReferencesPermissionEnforcement"], [OPERATOR]);
  await server.asAdmin(["apply", "--server-side", "-f", join(root, `crds/${DEFINITION}.yaml`)]);
  await isEstablished(DEFINITION, async () =>
    JSON.parse(await server.asAdmin(["get", "crd", DEFINITION, "-o", "json"])),
  );
});
after(() => server?.stop());

/** What the chart gives where KVClusters live. */
async function rulesOfChart(): Promise<readonly Rule[]> {
  const objects = await renderRights("kvcluster-system");
  return objects.filter(({ kind }) => kind === "ClusterRole").flatMap(({ rules = [] }) => rules);
}

async function give(rules: readonly Rule[]): Promise<void> {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", rules };
  const text = JSON.stringify({ ...role, metadata: { name: OPERATOR } });
  await server.asAdmin(["apply", "-f", "-"], text);
}

test("without the right to a KVCluster's finalizers its children are refused", {
  timeout: 120_000,
}, async () => {
  const named = "apiVersion: kvcluster.io/v1alpha1\nkind: KVCluster\nmetadata: {name: store}\n";
  await server.asAdmin(["create", "-f", "-"], named);
  const decoded = decodeKVCluster(
    JSON.parse(await server.asAdmin(["get", "kvcluster", "store", "-o", "json"])),
  );
  assert.ok(decoded.type === "cluster", JSON.stringify(decoded));
  const child = JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "store", ownerReferences: [controllerRef(decoded.cluster)] },
  });
  const apply = ["apply", "--server-side", "--field-manager=kvcluster-operator", "-f", "-"];
  const rules = await rulesOfChart();
  const rest = rules.filter(({ resources }) => !resources.includes("kvclusters/finalizers"));
  assert.equal(rest.length, rules.length - 1);

  await give(rest);
  const binding = ["create", "clusterrolebinding", OPERATOR];
  await server.asAdmin([...binding, `--clusterrole=${OPERATOR}`, `--user=${OPERATOR}`]);
  // The API server's authorizer follows its roles a moment later.
  const isRefused = await becomes(
    "only the right to finalizers is missing",
    async () => {
      const { code, stderr } = await server.try(OPERATOR, apply, child);
      if (code === 0) return false;
      return /cannot set blockOwnerDeletion/.test(stderr) || new NotYet(stderr);
    },
    { withinMs: 30_000 },
  );
  assert.ok(isRefused, "made without the right");

  await give(rules);
  await becomes(
    "with the right it is made",
    async () => {
      const { code, stderr } = await server.try(OPERATOR, apply, child);
      return code === 0 || new NotYet(stderr);
    },
    { withinMs: 30_000 },
  );
});
