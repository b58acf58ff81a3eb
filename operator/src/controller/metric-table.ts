/** Every metric of the operator; `docs/reference/operator.md` is made from it. */

export interface OperatorMetricDoc {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly meaning: string;
}

const gauge = (name: string, labels: readonly string[], meaning: string): OperatorMetricDoc => ({
  name: `kvcluster_operator_${name}`,
  type: "gauge",
  labels,
  meaning,
});
const counter = (name: string, labels: readonly string[], meaning: string): OperatorMetricDoc => ({
  ...gauge(name, labels, meaning),
  type: "counter",
});
const histogram = (
  name: string,
  labels: readonly string[],
  meaning: string,
): OperatorMetricDoc => ({
  ...gauge(name, labels, meaning),
  type: "histogram",
});

const cluster = ["cluster_namespace", "cluster"];

type MetricTable = Readonly<Record<MetricKey, OperatorMetricDoc>>;
export type MetricKey =
  | "build"
  | "leader"
  | "reconciles"
  | "reconcileSeconds"
  | "failures"
  | "actions"
  | "queueDepth"
  | "queueInProgress"
  | "queueLongest"
  | "queueRetries"
  | "condition"
  | "lastSuccess"
  | "kubeRequests"
  | "kubeRequestSeconds"
  | "watchOpen"
  | "watchContact"
  | "watchObjects"
  | "relists"
  | "watchFailures";

export const metricTable: MetricTable = {
  build: gauge("build_info", ["version"], "1, with the operator's version"),
  leader: gauge("leader", [], "1 in the process that holds the Lease and acts"),
  reconciles: counter(
    "reconciles_total",
    ["result"],
    "Passes: `ok`, `failed` (something could not be done; tried again), `gone` (the KVCluster " +
      "is), `error` (the KVCluster could not be read, or a defect)",
  ),
  reconcileSeconds: histogram("reconcile_duration_seconds", [], "How long passes took"),
  failures: counter("failures_total", ["code"], "What failed in passes, by the error's code"),
  actions: counter(
    "actions_total",
    [],
    "What passes carried out: changes of objects and of stores",
  ),
  queueDepth: gauge("queue_depth", [], "KVClusters that wait for a worker"),
  queueInProgress: gauge("queue_in_progress", [], "KVClusters that a worker has"),
  queueLongest: gauge("queue_longest_running_seconds", [], "The longest pass that is under way"),
  queueRetries: counter(
    "queue_retries_total",
    [],
    "Passes after which a KVCluster came back early",
  ),
  condition: gauge(
    "cluster_condition",
    [...cluster, "condition"],
    "Condition `Available`, `Progressing` or `Degraded` of the KVCluster: 1 True, 0 False, " +
      "-1 Unknown",
  ),
  lastSuccess: gauge(
    "cluster_last_success_timestamp_seconds",
    cluster,
    "When a pass over the KVCluster last ended without a failure; 0: not since this process leads",
  ),
  kubeRequests: counter(
    "kube_requests_total",
    ["method", "resource", "status"],
    "Requests to the API server; status 0: no answer",
  ),
  kubeRequestSeconds: histogram(
    "kube_request_duration_seconds",
    ["method"],
    "How long the API server took to answer",
  ),
  watchOpen: gauge("watch_open", ["kind"], "Watches that are open"),
  watchContact: gauge(
    "watch_contact_age_seconds",
    ["kind"],
    "Since the API server last gave a sign of life; beyond 300 the operator is not ready",
  ),
  watchObjects: gauge("watch_objects", ["kind"], "Objects in the cache"),
  relists: counter(
    "relists_total",
    ["kind", "reason"],
    "Full lists: at the `start`, version `gone`, `periodic`",
  ),
  watchFailures: counter("watch_failures_total", ["kind"], "Lists and watches that failed"),
};
