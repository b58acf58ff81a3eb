/** What people and other controllers use of the kind: short name, columns, subresources, sample. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  judgeSchemaVersion,
  type KVClusterStatus,
  schemaVersion,
} from "../../operator/src/model/index.ts";
import { atApiServer, sampleFile } from "./api-server.test-kit.ts";

const server = atApiServer("resource");

const status = {
  observedGeneration: 1,
  conditions: [
    {
      type: "Available",
      status: "True",
      reason: "QuorumHealthy",
      message: "3 of 3 voters are healthy",
      observedGeneration: 1,
      lastTransitionTime: "2026-11-22T10:00:00Z",
    },
  ],
  clusterId: "5f0c",
  image: "kvcluster/node:0.1.0",
  currentVersion: "0.1.0",
  leader: "shown-1",
  members: [{ name: "shown-1", nodeId: 1, role: "leader", health: "healthy", version: "0.1.0" }],
  memberCount: 3,
  replicas: 3,
  readyReplicas: 3,
  ready: "3/3",
  selector: "app.kubernetes.io/instance=shown",
  replacements: ["2026-11-22T10:00:00Z"],
} satisfies Required<KVClusterStatus>;

test("`kubectl get kvc` shows Ready, Members, Leader, Version and Age", async () => {
  const { kube, namespace } = server();
  await server().create({ paused: true }, "shown");
  await kube.patch(`${server().pathOf("shown")}/status?fieldValidation=Strict`, { status });
  const table = await kube.kubectl(["get", "kvc", "-n", namespace]);
  const [header = "", row = ""] = table.split("\n").map((line) => line.replaceAll(/\s+/g, " "));
  assert.equal(header.trim(), "NAME READY MEMBERS LEADER VERSION AGE");
  assert.match(row, /^shown 3\/3 3 shown-1 0\.1\.0 \d+s/);
});

test("every field of status is kept, and only by the status subresource", async () => {
  await server().create({ paused: true }, "told");
  const path = server().pathOf("told");
  await server().patch("told", { status: { ...status, leader: "stranger" } });
  const kept = await server().kube.get<{ status?: object }>(path);
  assert.equal(kept.status, undefined);
  await server().kube.patch(`${path}/status?fieldValidation=Strict`, { status });
  const told = await server().kube.get<{ status: object; metadata: { generation: number } }>(path);
  assert.deepEqual(told.status, status);
  assert.equal(told.metadata.generation, 1, "status is no new generation");
});

test("the scale subresource shows status and sets spec.replicas", async () => {
  const { kube, namespace } = server();
  await server().create({ paused: true }, "scaled");
  const path = server().pathOf("scaled");
  await kube.patch(`${path}/status`, { status: { replicas: 3, selector: "a=b" } });
  await kube.kubectl(["scale", "kvc", "scaled", "--replicas=5", "-n", namespace]);
  const scale = await kube.get<{ spec: object; status: object }>(`${path}/scale`);
  assert.deepEqual([scale.spec, scale.status], [{ replicas: 5 }, { replicas: 3, selector: "a=b" }]);
  const cluster = await kube.get<{ spec: { replicas: number } }>(path);
  assert.equal(cluster.spec.replicas, 5);
});

test("kubectl scale beyond the bounds is refused", async () => {
  await server().create({ paused: true }, "bounded");
  const path = `${server().pathOf("bounded")}/scale`;
  await assert.rejects(server().kube.patch(path, { spec: { replicas: 10 } }), /less than or equal/);
});

test("`kubectl explain` tells what a field means", async () => {
  const told = await server().kube.kubectl(["explain", "kvc.spec.storage.size"]);
  assert.match(told, /Size of each node's volume/);
});

test("the sample is legal as it stands", async () => {
  const { kube, namespace } = server();
  const apply = ["apply", "--dry-run=server", "--validate=strict", "-n", namespace];
  const said = await kube.kubectl([...apply, "-f", sampleFile]);
  assert.match(said, /kvcluster\.kvcluster\.io\/store created/);
});

test("the live CRD carries the version of the schema, and suits the operator", async () => {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/kvclusters.kvcluster.io";
  const { metadata } = await server().kube.get(path);
  assert.equal(metadata.annotations?.["kvcluster.io/schema-version"], String(schemaVersion));
  assert.equal(judgeSchemaVersion(metadata.annotations), null);
});
