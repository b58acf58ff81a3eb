import assert from "node:assert/strict";
import { test } from "node:test";
import { childOf, inputsWith } from "./desired.test-kit.ts";
import { valueAt } from "./json.ts";

const selector = { "app.kubernetes.io/name": "kvcluster", "app.kubernetes.io/instance": "store" };

test("the headless Service names every pod before it is ready, with all ports", () => {
  const { spec, metadata } = childOf(inputsWith(), "Service/store-peers");
  assert.deepEqual(spec, {
    type: "ClusterIP",
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector,
    ports: [
      { name: "http", port: 5000, targetPort: "http", protocol: "TCP" },
      { name: "peer", port: 5100, targetPort: "peer", protocol: "TCP" },
      { name: "metrics", port: 8000, targetPort: "metrics", protocol: "TCP" },
    ],
  });
  assert.equal(metadata.labels?.["kvcluster.io/service"], "peers");
});

test("the client Service is what the spec says, and HTTP only", () => {
  const spec = {
    type: "LoadBalancer",
    annotations: { "example.com/pool": "internal" },
    labels: { team: "a", "kvcluster.io/cluster": "stolen" },
  };
  const service = childOf(inputsWith({ service: spec }), "Service/store");
  assert.deepEqual(service["spec"], {
    type: "LoadBalancer",
    sessionAffinity: "None",
    selector,
    ports: [{ name: "http", port: 5000, targetPort: "http", protocol: "TCP" }],
  });
  assert.equal(service.metadata.annotations?.["example.com/pool"], "internal");
  assert.equal(service.metadata.labels?.["team"], "a");
  assert.equal(service.metadata.labels?.["kvcluster.io/cluster"], "store");
  assert.equal(service.metadata.labels?.["kvcluster.io/service"], "client");
});

test("the nodes' ServiceAccount hands out no token", () => {
  const account = childOf(inputsWith(), "ServiceAccount/store");
  assert.equal(valueAt(account, "automountServiceAccountToken"), false);
});
