import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeKVCluster } from "./decode.ts";
import type { KVCluster } from "./types.ts";

const metadata = {
  name: "store",
  namespace: "shop",
  uid: "0d1f",
  generation: 2,
  resourceVersion: "71",
  creationTimestamp: "2026-11-22T10:00:00Z",
  managedFields: [{ manager: "kubectl" }],
};

function decoded(json: unknown): KVCluster {
  const result = decodeKVCluster(json);
  if (result.type === "fault") assert.fail(result.why);
  return result.cluster;
}

const faultOf = (json: unknown): string => {
  const result = decodeKVCluster(json);
  return result.type === "fault" ? result.why : "none";
};

test("an object of an older CRD gets the defaults that it lacks", () => {
  const { spec } = decoded({ metadata, spec: { replicas: 1 } });
  assert.equal(spec.replicas, 1);
  assert.equal(spec.storage.size, "10Gi");
  assert.equal(spec.repair.replaceAfterSeconds, 600);
});

test("a number among the resources is the text that it stands for", () => {
  const { spec } = decoded({
    metadata,
    spec: { resources: { limits: { cpu: 2, memory: "1Gi" } } },
  });
  assert.deepEqual(spec.resources, { limits: { cpu: "2", memory: "1Gi" } });
});

test("fields of a newer CRD do no harm", () => {
  assert.equal(decoded({ metadata, spec: { replicas: 5, novelty: true } }).spec.replicas, 5);
});

test("status is handed on as it is", () => {
  const status = { clusterId: "5f0c", replicas: 3 };
  assert.deepEqual(decoded({ metadata, spec: {}, status }).status, status);
});

test("what cannot be a KVCluster is a fault that names the field", () => {
  assert.match(faultOf(null), /not an object/);
  assert.match(faultOf([]), /not an object/);
  assert.match(faultOf({ spec: {} }), /^it must have required properties metadata/);
  const { uid: _, ...nameless } = metadata;
  assert.match(faultOf({ metadata: nameless, spec: {} }), /^metadata must have .* uid/);
  assert.match(faultOf({ metadata, spec: { replicas: "3" } }), /^spec\.replicas must be integer/);
  assert.match(faultOf({ metadata, spec: { replicas: 10 } }), /^spec\.replicas must be <= 9/);
  assert.match(
    faultOf({ metadata, spec: {}, status: { members: {} } }),
    /^status\.members must be/,
  );
});
