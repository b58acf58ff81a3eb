import assert from "node:assert/strict";
import { test } from "node:test";
import { childOf, inputsWith } from "./desired.test-kit.ts";
import { valueAt } from "./json.ts";

const own = {
  podSelector: {
    matchLabels: { "app.kubernetes.io/name": "kvcluster", "app.kubernetes.io/instance": "store" },
  },
};
const operator = {
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kvcluster-system" } },
  podSelector: { matchLabels: { "app.kubernetes.io/name": "kvcluster-operator" } },
};

/** Peers by port; undefined: from anywhere. */
function peers(spec: object): Map<unknown, unknown> {
  const policy = childOf(inputsWith(spec), "NetworkPolicy/store");
  assert.deepEqual(valueAt(policy, "spec", "podSelector"), own.podSelector);
  assert.deepEqual(valueAt(policy, "spec", "policyTypes"), ["Ingress"]);
  const rules = valueAt(policy, "spec", "ingress");
  assert.ok(Array.isArray(rules));
  return new Map(rules.map(({ ports, from }) => [ports[0].port, from]));
}

test("every pod may speak to the client port, the cluster's own to the peer port", () => {
  const byPort = peers({});
  assert.deepEqual(byPort.get(5000), [{ namespaceSelector: {} }, operator]);
  assert.deepEqual(byPort.get(5100), [own]);
  assert.deepEqual(byPort.get(8000), [{ namespaceSelector: {} }]);
  assert.equal(byPort.size, 3);
});

test("clients are whom the spec names, and the operator always", () => {
  const clients = [
    { podSelector: { matchLabels: { app: "shop" } } },
    { ipBlock: { cidr: "10.0.0.0/8" } },
  ];
  for (const type of ["ClusterIP", "LoadBalancer"]) {
    const byPort = peers({ networkPolicy: { clients }, service: { type } });
    assert.deepEqual(byPort.get(5000), [...clients, operator]);
  }
});

test("behind a load balancer or a node's port clients are no pods", () => {
  for (const type of ["NodePort", "LoadBalancer"]) {
    const byPort = peers({ service: { type } });
    assert.equal(byPort.get(5000), undefined);
    assert.deepEqual(byPort.get(5100), [own]);
  }
});
