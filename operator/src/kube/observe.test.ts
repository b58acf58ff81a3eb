import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterUid, clusterWith, live } from "./kube-fixtures.test-kit.ts";
import { observeClaim } from "./observe-claim.ts";
import { observePod } from "./observe-pod.ts";
import { observeStatefulSet } from "./observe-stateful-set.ts";
import { resources } from "./resources.ts";

const runningStatus = {
  phase: "Running",
  podIP: "10.0.0.7",
  conditions: [
    { type: "PodScheduled", status: "True" },
    { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:05:00Z" },
  ],
  containerStatuses: [{ name: "node", restartCount: 2, state: { running: {} } }],
};

const podWith = (status: object, metadata: object = {}) =>
  observePod(
    "store",
    live(resources.pod, "store-2", {
      metadata: { labels: { "controller-revision-hash": "store-abc" }, ...metadata },
      spec: {
        nodeName: "worker-1",
        containers: [
          { name: "sidecar", image: "mesh:1" },
          { name: "node", image: "kv:2" },
        ],
      },
      status,
    }),
  );

test("a running pod is observed with all that plan reads", () => {
  assert.deepEqual(podWith(runningStatus), {
    name: "store-2",
    ordinal: 2,
    uid: "uid-store-2",
    revision: "store-abc",
    ip: "10.0.0.7",
    nodeName: "worker-1",
    phase: "Running",
    isReady: true,
    readySince: Date.parse("2026-01-01T00:05:00Z"),
    deletingUntil: null,
    restarts: 2,
    problem: null,
    image: "kv:2",
  });
});

test("a pod that has just been made has neither address nor readiness", () => {
  const pod = podWith({});
  assert.deepEqual(
    [pod?.phase, pod?.ip, pod?.isReady, pod?.problem],
    ["Unknown", null, false, null],
  );
  assert.equal(pod?.readySince, Date.parse("2026-01-01T00:00:00Z"));
});

test("a pod that is being deleted tells until when its grace lasts", () => {
  const pod = podWith(runningStatus, { deletionTimestamp: "2026-01-01T01:00:00Z" });
  assert.equal(pod?.deletingUntil, Date.parse("2026-01-01T01:00:00Z"));
});

test("what is wrong with a pod is named by its reason first", () => {
  const waiting = (reason: string, message?: string): object => ({
    phase: "Running",
    containerStatuses: [{ name: "node", state: { waiting: { reason, message } } }],
  });
  const cases: readonly (readonly [object, string | null])[] = [
    [waiting("ContainerCreating"), null],
    [waiting("CrashLoopBackOff", "back-off 10s"), "CrashLoopBackOff: back-off 10s"],
    [waiting("ImagePullBackOff"), "ImagePullBackOff"],
    [
      { initContainerStatuses: [{ state: { waiting: { reason: "ErrImagePull" } } }] },
      "ErrImagePull",
    ],
    [{ initContainerStatuses: [{ state: { terminated: { exitCode: 0 } } }] }, null],
    [
      { containerStatuses: [{ state: { terminated: { exitCode: 137, reason: "OOMKilled" } } }] },
      "OOMKilled: exit code 137",
    ],
    [{ phase: "Failed", reason: "Evicted", message: "disk pressure" }, "Evicted: disk pressure"],
    [
      {
        phase: "Pending",
        conditions: [
          { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" },
        ],
      },
      "Unschedulable: 0/3 nodes",
    ],
  ];
  for (const [status, problem] of cases) assert.equal(podWith(status)?.problem, problem);
});

test("pods and claims that only carry the labels are none of the cluster's", () => {
  assert.equal(observePod("store", live(resources.pod, "store-debug")), null);
  assert.equal(observePod("store", live(resources.pod, "other-0")), null);
  const cluster = clusterWith();
  for (const name of ["data-store-x", "backup-store-0", "store-0", "data-other-0"]) {
    assert.equal(observeClaim(cluster, live(resources.claim, name)), null, name);
  }
});

test("a claim is observed with its sizes and whose it is", () => {
  const spec = { resources: { requests: { storage: "2Gi" } } };
  const status = { phase: "Bound", capacity: { storage: "1Gi" } };
  const owner = { apiVersion: "a/v1", kind: "KVCluster", name: "store", uid: clusterUid };
  const claim = (metadata: object): ReturnType<typeof observeClaim> =>
    observeClaim(clusterWith(), live(resources.claim, "data-store-1", { metadata, spec, status }));
  assert.deepEqual(claim({ ownerReferences: [owner] }), {
    name: "data-store-1",
    ordinal: 1,
    uid: "uid-data-store-1",
    phase: "Bound",
    requested: "2Gi",
    capacity: "1Gi",
    isDeleting: false,
    isOwned: true,
    isDoomed: false,
    createdAt: Date.parse("2026-01-01T00:00:00Z"),
  });
  const other = claim({ ownerReferences: [{ ...owner, uid: "uid-of-an-earlier-store" }] });
  assert.deepEqual([other?.isOwned, other?.isDoomed], [false, true]);
  const backup = claim({ ownerReferences: [{ ...owner, kind: "Backup", uid: "uid-of-b" }] });
  assert.equal(backup?.isDoomed, false);
  assert.equal(claim({ deletionTimestamp: "2026-01-01T01:00:00Z" })?.isDeleting, true);
});

test("a StatefulSet's revision counts only once its controller has seen the spec", () => {
  const set = (observedGeneration: number): ReturnType<typeof observeStatefulSet> =>
    observeStatefulSet(
      live(resources.statefulSet, "store", {
        metadata: { generation: 4 },
        spec: {
          replicas: 3,
          template: { spec: { containers: [{ name: "node", image: "kv:2" }] } },
          volumeClaimTemplates: [
            {
              metadata: { name: "data" },
              spec: { resources: { requests: { storage: "1Gi" } } },
            },
          ],
        },
        status: { observedGeneration, updateRevision: "store-abc" },
      }),
    );
  assert.deepEqual(set(4), {
    uid: "uid-store",
    replicas: 3,
    generation: 4,
    observedGeneration: 4,
    updateRevision: "store-abc",
    image: "kv:2",
    claimSize: "1Gi",
    isDeleting: false,
  });
  assert.equal(set(3).updateRevision, null);
});
