/** The API server's defaulting and our own (`fillDefaults`) are one: specs with holes, compared. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeKVCluster,
  fillDefaults,
  isJsonObject,
  type Json,
  type JsonObject,
  rootStructure,
} from "../../operator/src/model/index.ts";
import { atApiServer } from "./api-server.test-kit.ts";
import { fullSpec, put } from "./specs.test-kit.ts";

const RESOURCE_VERSION = ["metadata", "resourceVersion"];
const server = atApiServer("defaults");

async function acceptedSpec(spec: Json): Promise<JsonObject> {
  const answer = await server().tryCreate(spec);
  assert.equal(answer.type, "accepted", JSON.stringify(answer));
  const kept = answer.type === "accepted" ? answer.object["spec"] : {};
  return isJsonObject(kept) ? kept : {};
}

const ours = (spec: Json): unknown =>
  Reflect.get(Object(fillDefaults(rootStructure, { spec })), "spec");

test("`spec: {}` is a legal cluster of three nodes with every default", async () => {
  assert.deepEqual(await acceptedSpec({}), {
    replicas: 3,
    imagePullPolicy: "IfNotPresent",
    storage: { size: "10Gi", retention: { whenDeleted: "Retain", whenScaled: "Delete" } },
    resources: { requests: { cpu: "100m", memory: "256Mi" } },
    auth: { serviceAccountTokens: true, audiences: [], issuers: [], policies: [] },
    encryption: {},
    service: { type: "ClusterIP", annotations: {}, labels: {} },
    monitoring: {
      serviceMonitor: { enabled: true, interval: "30s", labels: {} },
      prometheusRule: { enabled: true, labels: {} },
      dashboard: { enabled: false, labels: {} },
    },
    networkPolicy: { enabled: true, clients: [] },
    raft: { electionTimeoutMs: 700, heartbeatIntervalMs: 100, entriesKept: 10_000 },
    repair: { enabled: true, replaceAfterSeconds: 600, replacementsPerDayMax: 3 },
    logLevel: "info",
    podTemplate: { labels: {}, annotations: {} },
    updatePolicy: { pause: false },
    paused: false,
  });
});

test("our defaulting fills in what the API server fills in", async () => {
  const whole = Object.keys(fullSpec);
  const holes: readonly Json[] = [
    {},
    fullSpec,
    ...whole.map((name) => put(fullSpec, [name], undefined)),
    ...whole.filter((name) => isJsonObject(fullSpec[name])).map((name) => ({ [name]: {} })),
    { storage: { retention: {} } },
    { storage: { retention: { whenScaled: "Retain" } }, raft: { heartbeatIntervalMs: 60 } },
    { monitoring: { serviceMonitor: {}, dashboard: { enabled: true } } },
    { resources: { limits: { cpu: 1 } } },
    { replicas: null, storage: null, raft: { entriesKept: null }, podTemplate: { labels: null } },
  ];
  for (const spec of holes) {
    assert.deepEqual(ours(spec), await acceptedSpec(spec), JSON.stringify(spec));
  }
});

test("an object without any spec is that cluster too", async () => {
  const { kube, namespace } = server();
  const { spec: _, ...bare } = server().object("bare", {});
  const path = `${server().pathOf()}?dryRun=All`;
  const headers = { "content-type": "application/json" };
  const answer = await kube.send(path, { method: "POST", headers, body: JSON.stringify(bare) });
  assert.equal(answer.status, 201, namespace);
  assert.deepEqual(JSON.parse(answer.body).spec, await acceptedSpec({}));
});

test("what the API server hands out is decoded, numbers among quantities as texts", async () => {
  for (const spec of [{}, fullSpec]) {
    const answer = await server().tryCreate(spec);
    assert.equal(answer.type, "accepted");
    // A dry run has no resourceVersion; everything kept has one.
    const object = answer.type === "accepted" ? put(answer.object, RESOURCE_VERSION, "1") : {};
    const decoded = decodeKVCluster(object);
    assert.equal(decoded.type, "cluster", JSON.stringify(decoded));
    const isFull = spec === fullSpec;
    const cpu = decoded.type === "cluster" && decoded.cluster.spec.resources.limits?.["cpu"];
    assert.equal(cpu, isFull ? "2" : undefined);
  }
});
