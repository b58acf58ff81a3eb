/** Series as Prometheus would have scraped them from a healthy KVCluster, and ways to fall ill. */

/** Series → values in promtool's notation, one a minute: `1x60` is 1 for an hour. */
export type SeriesMap = Readonly<Record<string, string>>;

export interface Scenario {
  readonly alert: string;
  /** Laid over the healthy series; null takes one away. */
  readonly ill: Readonly<Record<string, string | null>>;
  /** The alert does not fire yet at this minute, and does at that one. */
  readonly quietAt: number;
  readonly firesAt: number;
}

export const minutes = 60;
const pods = ["store-0", "store-1", "store-2"];

const labels = (pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");

/** A series of a pod of the KVCluster shop/store. */
export const of = (
  metric: string,
  pod: string,
  more: Readonly<Record<string, string>> = {},
): string => `${metric}{${labels({ namespace: "shop", kvcluster: "store", pod, ...more })}}`;

const steady = (value: number): string => `${value}x${minutes}`;
/** Grows by `step` a minute. */
const growing = (step: number, start = 0): string =>
  `${start}${step < 0 ? "" : "+"}${step}x${minutes}`;

/** Buckets of a histogram of which every observation falls below `bound`. */
function histogram(series: (le: string) => string, bound: number): Record<string, string> {
  const bounds = ["0.005", "0.1", "0.25", "0.5", "1", "+Inf"];
  return Object.fromEntries(
    bounds.map((le) => [
      series(le),
      le === "+Inf" || Number(le) >= bound ? growing(600) : steady(0),
    ]),
  );
}

const syncs = (pod: string, bound: number): Record<string, string> =>
  histogram((le) => of("kvcluster_log_sync_duration_seconds_bucket", pod, { le }), bound);
const writes = (pod: string, bound: number): Record<string, string> =>
  histogram(
    (le) =>
      of("kvcluster_http_request_duration_seconds_bucket", pod, {
        method: "PUT",
        route: "/v1/kv/{key}",
        le,
      }),
    bound,
  );
/** A list that takes as long as it likes is no slow write. */
const slowReads = histogram(
  (le) =>
    of("kvcluster_http_request_duration_seconds_bucket", "store-0", {
      method: "GET",
      route: "/v1/kv",
      le,
    }),
  1,
);

const healthyPod = (pod: string, voters: number): Record<string, string> => ({
  [of("up", pod)]: steady(1),
  [of("kvcluster_ready", pod)]: steady(1),
  [of("kvcluster_has_leader", pod)]: steady(1),
  [of("kvcluster_is_leader", pod)]: steady(pod === "store-0" ? 1 : 0),
  [of("kvcluster_role", pod, { role: "learner" })]: steady(0),
  [of("kvcluster_members", pod, { role: "voter" })]: steady(voters),
  [of("kvcluster_leader_changes_total", pod)]: steady(1),
  [of("kvcluster_corrupt", pod)]: steady(0),
  [of("kvcluster_disk_size_bytes", pod)]: steady(10e9),
  [of("kvcluster_disk_free_bytes", pod)]: steady(8e9),
  [of("kvcluster_proposals_accepted_total", pod)]: growing(60),
  [of("kvcluster_proposals_failed_total", pod)]: steady(0),
  [of("kvcluster_keyring_stale", pod)]: steady(0),
  [of("kvcluster_keyring_active_key_info", pod, { key_id: "k1" })]: steady(1),
  [of("kvcluster_values_rejected_total", pod)]: steady(0),
  [of("kvcluster_auth_files_stale", pod, { source: "policies" })]: steady(0),
  ...syncs(pod, 0.005),
  ...writes(pod, 0.1),
});

const active = (peer: string): string => of("kvcluster_peer_active", "store-0", { peer });
const lag = (peer: string): string => of("kvcluster_peer_lag_entries", "store-0", { peer });

/** Another KVCluster of the namespace is in ruins: no alert of ours may speak of it. */
const ruins: SeriesMap = Object.fromEntries(
  [
    ["kvcluster_corrupt", 1],
    ["kvcluster_has_leader", 0],
    ["kvcluster_ready", 0],
    ["kvcluster_keyring_stale", 1],
    ["up", 0],
  ].map(([metric, value]) => [
    `${metric}{namespace="shop",kvcluster="other",pod="other-0"}`,
    steady(Number(value)),
  ]),
);

export const healthy: SeriesMap = {
  ...Object.assign({}, ...pods.map((pod) => healthyPod(pod, pods.length))),
  [active("store-1")]: steady(1),
  [active("store-2")]: steady(1),
  [lag("store-1")]: steady(3),
  [lag("store-2")]: steady(0),
  ...slowReads,
  ...ruins,
};

/** One voter is all there is and all that is needed. */
export const healthySingle: SeriesMap = { ...healthyPod("store-0", 1), ...ruins };

/** Four of five voters serve: another may go. */
export const fourOfFive: SeriesMap = {
  ...Object.assign({}, ...[...pods, "store-3", "store-4"].map((pod) => healthyPod(pod, 5))),
  [of("kvcluster_ready", "store-4")]: steady(0),
};

/** Pods restart one after the other; leadership moves once. */
export const rolling: SeriesMap = {
  ...healthy,
  ...Object.fromEntries(
    pods.flatMap((pod, i) => {
      const [before, after] = [i * 4, minutes - i * 4 - 3];
      return [
        [of("kvcluster_ready", pod), `1x${before} 0x2 1x${after}`],
        [of("kvcluster_leader_changes_total", pod), `1x${before} _x2 1 2x${after}`],
      ];
    }),
  ),
};

const everyPod = (metric: string, values: string): Record<string, string> =>
  Object.fromEntries(pods.map((pod) => [of(metric, pod), values]));

const withoutFigures = Object.fromEntries(
  Object.keys(healthy)
    .filter((series) => !series.startsWith("up{"))
    .map((series) => [series, null]),
);

export const scenarios: readonly Scenario[] = [
  {
    alert: "KVClusterAbsent",
    ill: { ...withoutFigures, ...everyPod("up", steady(0)) },
    quietAt: 4,
    firesAt: 6,
  },
  {
    alert: "KVClusterAbsent",
    ill: { ...withoutFigures, ...Object.fromEntries(pods.map((pod) => [of("up", pod), null])) },
    quietAt: 4,
    firesAt: 6,
  },
  {
    alert: "KVClusterNoLeader",
    ill: {
      ...everyPod("kvcluster_has_leader", steady(0)),
      ...everyPod("kvcluster_ready", steady(0)),
    },
    quietAt: 0,
    firesAt: 3,
  },
  {
    alert: "KVClusterElectionStorm",
    ill: { [of("kvcluster_leader_changes_total", "store-1")]: "1+1x10 11x49" },
    quietAt: 2,
    firesAt: 9,
  },
  {
    alert: "KVClusterQuorumAtRisk",
    ill: { [of("kvcluster_ready", "store-2")]: steady(0) },
    quietAt: 4,
    firesAt: 7,
  },
  {
    alert: "KVClusterQuorumAtRisk",
    ill: { [of("kvcluster_ready", "store-2")]: null, [of("up", "store-2")]: null },
    quietAt: 4,
    firesAt: 7,
  },
  {
    alert: "KVClusterMemberUnreachable",
    ill: { [active("store-2")]: steady(0), [lag("store-2")]: steady(90_000) },
    quietAt: 4,
    firesAt: 15,
  },
  {
    alert: "KVClusterMemberLagging",
    ill: { [lag("store-1")]: steady(5001) },
    quietAt: 9,
    firesAt: 12,
  },
  {
    alert: "KVClusterMemberCorrupt",
    ill: { [of("kvcluster_corrupt", "store-1")]: "0x2 1x58" },
    quietAt: 1,
    firesAt: 5,
  },
  {
    alert: "KVClusterDiskFilling",
    ill: { [of("kvcluster_disk_free_bytes", "store-1")]: growing(-4e6, 3.9e9) },
    quietAt: 30,
    firesAt: 33,
  },
  {
    alert: "KVClusterDiskAlmostFull",
    ill: { [of("kvcluster_disk_free_bytes", "store-1")]: steady(0.9e9) },
    quietAt: 4,
    firesAt: 7,
  },
  { alert: "KVClusterSlowDisk", ill: syncs("store-2", 0.5), quietAt: 10, firesAt: 13 },
  { alert: "KVClusterSlowWrites", ill: writes("store-1", 1), quietAt: 10, firesAt: 13 },
  {
    alert: "KVClusterWritesFailing",
    ill: { [of("kvcluster_proposals_failed_total", "store-0")]: growing(12) },
    quietAt: 10,
    firesAt: 13,
  },
  {
    alert: "KVClusterKeyRingStale",
    ill: { [of("kvcluster_keyring_stale", "store-2")]: steady(1) },
    quietAt: 4,
    firesAt: 7,
  },
  {
    alert: "KVClusterKeyRingsDiffer",
    ill: {
      [of("kvcluster_keyring_active_key_info", "store-2", { key_id: "k1" })]: null,
      [of("kvcluster_keyring_active_key_info", "store-2", { key_id: "k2" })]: steady(1),
    },
    quietAt: 29,
    firesAt: 32,
  },
  {
    alert: "KVClusterValuesUnreadable",
    ill: { [of("kvcluster_values_rejected_total", "store-1")]: "0x3 1x57" },
    quietAt: 2,
    firesAt: 6,
  },
  {
    alert: "KVClusterAccessFilesStale",
    ill: { [of("kvcluster_auth_files_stale", "store-0", { source: "policies" })]: steady(1) },
    quietAt: 4,
    firesAt: 7,
  },
];

const store = 'cluster_namespace="shop",cluster="store"';
const success = "kvcluster_operator_cluster_last_success_timestamp_seconds";
const degraded = `kvcluster_operator_cluster_condition{pod="op-a",${store},condition="Degraded"}`;
const contact = 'kvcluster_operator_watch_contact_age_seconds{pod="op-a",kind="Pod"}';

/** Two operators, of which the first leads. A pass over the KVCluster succeeds every minute. */
export const healthyOperator: SeriesMap = {
  'kvcluster_operator_leader{pod="op-a"}': steady(1),
  'kvcluster_operator_leader{pod="op-b"}': steady(0),
  [`${success}{pod="op-a",${store}}`]: growing(60),
  [degraded]: steady(0),
  [`kvcluster_operator_cluster_condition{pod="op-a",${store},condition="Available"}`]: steady(1),
  [contact]: steady(20),
};

export const operatorScenarios: readonly Scenario[] = [
  {
    alert: "KVClusterOperatorAbsent",
    ill: { 'kvcluster_operator_leader{pod="op-a"}': steady(0) },
    quietAt: 9,
    firesAt: 12,
  },
  {
    alert: "KVClusterOperatorNotReconciling",
    ill: { [`${success}{pod="op-a",${store}}`]: steady(0) },
    quietAt: 40,
    firesAt: 43,
  },
  { alert: "KVClusterOperatorDeaf", ill: { [contact]: growing(60, 240) }, quietAt: 6, firesAt: 9 },
  { alert: "KVClusterDegraded", ill: { [degraded]: steady(1) }, quietAt: 14, firesAt: 17 },
];
