/** The charts as Helm and a real API server see them: every option, and values nobody meant. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readValues, valuesOf } from "../../scripts/charts/values-reference.ts";
import { mustRun } from "../e2e/kubernetes/kube.test-kit.ts";
import { reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";
import {
  clusterChart,
  exists,
  helms,
  isServed,
  kubectl,
  operatorChart,
  refusal,
  render,
  root,
} from "./helm.test-kit.ts";

const namespace = `kvcluster-charts-${process.pid}`;
const definitionFile = join(root, "crds/kvclusters.kvcluster.io.yaml");
let hadDefinition = true;

before(async () => {
  await reachKubernetes();
  await kubectl(["create", "namespace", namespace]);
  // A pod is admitted only with its account, and a dry run makes none.
  for (const account of ["trial-kvcluster-operator", "kvc-operator", "ours"]) {
    await kubectl(["create", "serviceaccount", account, "-n", namespace]);
  }
  hadDefinition = await exists(["crd", "kvclusters.kvcluster.io"]);
  if (hadDefinition) return;
  await kubectl(["apply", "--server-side", "-f", definitionFile]);
  await isServed("kvclusters.kvcluster.io");
});

after(async () => {
  await kubectl(["delete", "namespace", namespace, "--wait=false"]);
  if (!hadDefinition) await kubectl(["delete", "-f", definitionFile, "--timeout=60s"]);
});

const digest = `sha256:${"0".repeat(64)}`;
const tolerations = ["key=a", "operator=Exists", "effect=NoExecute", "tolerationSeconds=5"];
const spread = ["maxSkew=2", "topologyKey=zone", "whenUnsatisfiable=DoNotSchedule"];
const required = "requiredDuringSchedulingIgnoredDuringExecution";

/** Each option of the operator's chart, away from its default. */
const options: readonly (readonly string[])[] = [
  [],
  ["nameOverride=kvc", "fullnameOverride=kvc-operator", "replicas=1"],
  ["image.repository=a/b", "image.tag=v1", "image.pullPolicy=Always", "nodeImage.tag=v2"],
  [`image.digest=${digest}`, `nodeImage.digest=${digest}`, "nodeImage.repository=a/c"],
  ["imagePullSecrets[0].name=a", "logLevel=debug", "priorityClassName=system-cluster-critical"],
  [`watchNamespaces={${namespace}}`],
  ["crds.create=false", "rbac.aggregateToUserRoles=false"],
  ["rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=default"],
  ["serviceAccount.name=ours", "serviceAccount.annotations.a=b"],
  ["resources.limits.cpu=1", "podLabels.a=b", "podAnnotations.a=b", "nodeSelector.a=b"],
  ["podLabels.app\\.kubernetes\\.io/name=other"],
  tolerations.map((field) => `tolerations[0].${field}`),
  spread.map((field) => `topologySpreadConstraints[0].${field}`),
  [`affinity.podAntiAffinity.${required}[0].topologyKey=zone`],
  ["podDisruptionBudget.enabled=false", "networkPolicy.enabled=true"],
];

const monitoringOptions: readonly string[] = [
  "monitoring.serviceMonitor.interval=15s",
  ...["serviceMonitor", "prometheusRule"].flatMap((kind) => [
    `monitoring.${kind}.enabled=true`,
    `monitoring.${kind}.labels.release=prometheus`,
  ]),
];

test("each value of the operator's chart is tried away from its default", () => {
  const { schema, defaults } = readValues();
  const known = [...valuesOf(schema, defaults)].map(({ path }) => path);
  const tried = [...options.flat(), ...monitoringOptions];
  const isTried = (path: string): boolean => tried.some((value) => value.startsWith(path));
  const missed = known.filter((path) => path !== "global" && !isTried(path));
  assert.deepEqual(missed, []);
});

for (const helm of helms) {
  for (const chart of [operatorChart, clusterChart]) {
    test(`${helm} finds no fault in ${chart.slice(root.length + 1)}`, async () => {
      await mustRun(helm, ["lint", "--strict", chart]);
    });
  }

  test(`the API server accepts what ${helm} renders, whatever the options`, async () => {
    for (const values of options) {
      const text = await render({ helm, chart: operatorChart, namespace, values });
      await kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], text);
    }
  });

  test(`the API server accepts the KVCluster that ${helm} renders`, async () => {
    const chosen = ["name=shop", "labels.a=b", "annotations.a=b", "spec.storage.size=2Gi"];
    for (const values of [[], ["spec.replicas=5"], chosen]) {
      const text = await render({ helm, chart: clusterChart, namespace, values });
      await kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], text);
    }
  });

  test(`${helm} refuses values that are misspelt or out of bounds`, async () => {
    const wrong: readonly (readonly [string, string])[] = [
      [operatorChart, "replica=3"],
      [operatorChart, "replicas=two"],
      [operatorChart, "image.tags=1"],
      [operatorChart, "image.digest=sha256:1"],
      [operatorChart, "watchNamespaces[0]=Not_A_Name"],
      [operatorChart, "tolerations[0].keys=a"],
      [operatorChart, "affinity.podAfinity.a=b"],
      [operatorChart, "monitoring.serviceMonitor.enable=true"],
      [clusterChart, "replicas=3"],
      [clusterChart, "spec.replica=3"],
      [clusterChart, "spec.replicas=10"],
      [clusterChart, "spec.storage.class=fast"],
      [clusterChart, "spec.auth.policies[0].grant=a"],
    ];
    for (const [chart, value] of wrong) {
      const said = await refusal(helm, chart, value);
      assert.match(said, /values don't meet the specifications of the schema/, value);
    }
  });

  test(`${helm} asks for an account's name when it is to make none`, async () => {
    const said = await refusal(helm, operatorChart, "serviceAccount.create=false");
    assert.match(said, /serviceAccount\.name is needed/);
  });
}

test("the monitoring objects are accepted where their definitions are", async (t) => {
  if (!(await exists(["crd", "servicemonitors.monitoring.coreos.com"]))) {
    t.skip("no prometheus-operator here: `lab addon prometheus` brings it");
    return;
  }
  const values = monitoringOptions;
  const text = await render({ helm: "helm", chart: operatorChart, namespace, values });
  await kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], text);
});

test("the API server accepts the install manifest and every sample", async () => {
  const manifest = readFileSync(join(root, "manifests/install.yaml"), "utf8");
  // A dry run makes no namespace for the objects that come after it.
  const moved = manifest.replaceAll("kvcluster-system", namespace);
  await kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], moved);
  const samples = join(root, "manifests/samples");
  const flags = ["--dry-run=server", "--validate=strict", "-n", namespace];
  await kubectl(["apply", ...flags, "-f", samples]);
});
