import assert from "node:assert/strict";
import { test } from "node:test";
import { fullSpec } from "../../../../tests/kubernetes/specs.test-kit.ts";
import { childLabels, childNames, intentAnnotation } from "../names.ts";
import { childKey, desiredChildren } from "./children.ts";
import { childOf, clusterWith, copyOf, inputsWith } from "./desired.test-kit.ts";
import { differsFrom } from "./difference.ts";
import { stableHash } from "./stable-hash.ts";

const withOffers = inputsWith(
  {},
  { capabilities: { serviceMonitor: false, prometheusRule: false } },
);

test("a KVCluster has these children, what pods need before the pods", () => {
  assert.deepEqual(desiredChildren(withOffers).map(childKey), [
    "ServiceAccount/store",
    "ConfigMap/store-config",
    "ConfigMap/store-access",
    "Service/store-peers",
    "Service/store",
    "NetworkPolicy/store",
    "PodDisruptionBudget/store",
    "StatefulSet/store",
  ]);
});

test("every child is the KVCluster's, found by its labels, and carries its intent's hash", () => {
  const inputs = inputsWith(fullSpec);
  for (const child of desiredChildren(inputs)) {
    const { namespace, labels = {}, annotations = {}, ownerReferences } = child.metadata;
    assert.equal(namespace, "shop");
    for (const [name, value] of Object.entries(childLabels("store"))) {
      assert.equal(labels[name], value, `${childKey(child)} ${name}`);
    }
    assert.deepEqual(ownerReferences, [
      {
        apiVersion: "kvcluster.io/v1alpha1",
        kind: "KVCluster",
        name: "store",
        uid: inputs.cluster.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    assert.match(annotations[intentAnnotation] ?? "", /^[0-9a-f]{16}$/);
  }
});

test("no two kinds of children of two clusters of one namespace share a name by accident", () => {
  const names = Object.values(childNames("store"));
  assert.ok(names.every((name) => name === "store" || name.startsWith("store-")));
});

test("children depend on what they are made from, not on when or by which operator", () => {
  for (const spec of [{}, fullSpec]) {
    const before = inputsWith(spec);
    const after = inputsWith(spec, {
      defaults: { ...before.defaults, image: "kvcluster/node:9.9.9" },
      cluster: {
        ...before.cluster,
        metadata: { ...before.cluster.metadata, resourceVersion: "99", generation: 12 },
        status: { readyReplicas: 3, currentVersion: "9.9.9" },
      },
    });
    assert.deepEqual(desiredChildren(after), desiredChildren(copyOf(before)));
  }
});

/**
 * A change here is a roll of every cluster when its operator is upgraded. That must be meant, and
 * said in the release notes.
 */
test("the pod template of a default cluster is the one of the last release", () => {
  const spec = childOf(withOffers, "StatefulSet/store")["spec"];
  const { template, volumeClaimTemplates } = spec as Record<string, unknown>;
  assert.equal(stableHash({ template, volumeClaimTemplates }), "af959b58e7e33194");
});

test("what is switched off is not desired", () => {
  const keys = (spec: object): readonly string[] => desiredChildren(inputsWith(spec)).map(childKey);
  assert.ok(keys({}).includes("NetworkPolicy/store"));
  assert.ok(!keys({ networkPolicy: { enabled: false } }).includes("NetworkPolicy/store"));
});

test("monitors are desired when spec and API server have them, the dashboard by itself", () => {
  const monitors = (spec: object, serviceMonitor: boolean, prometheusRule: boolean): unknown =>
    desiredChildren(inputsWith(spec, { capabilities: { serviceMonitor, prometheusRule } }))
      .map(childKey)
      .slice(8);
  assert.deepEqual(monitors({}, true, true), ["ServiceMonitor/store", "PrometheusRule/store"]);
  assert.deepEqual(monitors({}, false, true), ["PrometheusRule/store"]);
  const off = { serviceMonitor: { enabled: false }, dashboard: { enabled: true } };
  assert.deepEqual(monitors({ monitoring: off }, true, false), ["ConfigMap/store-dashboard"]);
});

test("each field of the spec that children are made from changes some child", () => {
  const changes: readonly object[] = [
    { imagePullPolicy: "Always" },
    { storage: { size: "11Gi" } },
    { storage: { storageClassName: "fast" } },
    { resources: { limits: { memory: "1Gi" } } },
    { auth: { serviceAccountTokens: false } },
    { auth: { audiences: ["x"] } },
    { auth: { policies: fullPolicies } },
    { encryption: { secretName: "mine" } },
    { service: { type: "NodePort" } },
    { service: { annotations: { a: "b" } } },
    { service: { labels: { a: "b" } } },
    { networkPolicy: { clients: [{ podSelector: {} }] } },
    { raft: { electionTimeoutMs: 900 } },
    { raft: { entriesKept: 900 } },
    { logLevel: "debug" },
    { podTemplate: { labels: { a: "b" } } },
    { podTemplate: { tolerations: [{ operator: "Exists" }] } },
    { podTemplate: { priorityClassName: "high" } },
    { podTemplate: { imagePullSecrets: [{ name: "registry" }] } },
  ];
  const plain = desiredChildren(inputsWith());
  for (const spec of changes) {
    const changed = desiredChildren(inputsWith(spec));
    const differing = changed.filter((child) => {
      const before = plain.find((other) => childKey(other) === childKey(child));
      return before === undefined || differsFrom(child, before) !== null;
    });
    assert.notEqual(differing.length, 0, JSON.stringify(spec));
  }
});

const fullPolicies = clusterWith(fullSpec).spec.auth.policies.map(({ name, grants }) => ({
  name,
  grants,
  serviceAccounts: [{ name: "app" }],
}));
