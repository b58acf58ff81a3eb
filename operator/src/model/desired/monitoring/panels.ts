/** The panels of the dashboard: what is asked of Prometheus and how it is shown. */
import type { Series } from "./series.ts";

export interface Query {
  readonly expression: string;
  /** Legend; `{{pod}}` is filled in by Grafana. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** `stat`: a figure; `timeseries`: lines. */
  readonly type: "stat" | "timeseries";
  /** A unit of Grafana. */
  readonly unit: "short" | "s" | "bytes" | "percentunit" | "reqps";
  readonly meaning: string;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const window = "$__rate_interval";
const rate = (series: string): string => `rate(${series}[${window}])`;
const quantile = (q: number, by: string, buckets: string): string =>
  `histogram_quantile(${q}, sum by (${by}, le) (${rate(buckets)}))`;
const perPod = (expression: string): Query => ({ expression, legend: "{{pod}}" });
const perPeer = (expression: string): Query => ({ expression, legend: "{{peer}}" });

const health = (of: Series): Row => ({
  title: "Health",
  panels: [
    {
      title: "Ready nodes",
      type: "stat",
      unit: "short",
      meaning: "Nodes that serve linearizable reads.",
      queries: [{ expression: `sum(${of("kvcluster_ready")})`, legend: "ready" }],
    },
    {
      title: "Voters",
      type: "stat",
      unit: "short",
      meaning: "Voters in the configuration in force; a majority of them must be up.",
      queries: [
        { expression: `max(${of("kvcluster_members", 'role="voter"')})`, legend: "voters" },
      ],
    },
    {
      title: "Leader",
      type: "stat",
      unit: "short",
      meaning: "The node that leads, by name.",
      queries: [perPod(`${of("kvcluster_is_leader")} == 1`)],
    },
    {
      title: "Keys",
      type: "stat",
      unit: "short",
      meaning: "Keys that exist.",
      queries: [{ expression: `max(${of("kvcluster_keys")})`, legend: "keys" }],
    },
  ],
});

const requests = (of: Series): Row => ({
  title: "Requests",
  panels: [
    {
      title: "Requests by result",
      type: "timeseries",
      unit: "reqps",
      meaning: "Finished HTTP requests by the code of their answer.",
      queries: [
        {
          expression: `sum by (code) (${rate(of("kvcluster_http_requests_total"))})`,
          legend: "{{code}}",
        },
      ],
    },
    {
      title: "Duration of requests, p99",
      type: "timeseries",
      unit: "s",
      meaning: "One in a hundred takes longer, by method.",
      queries: [
        {
          expression: quantile(
            0.99,
            "method",
            of("kvcluster_http_request_duration_seconds_bucket"),
          ),
          legend: "{{method}}",
        },
      ],
    },
    {
      title: "Proposals",
      type: "timeseries",
      unit: "short",
      meaning: "Writes that the leader appended and those that failed, a second.",
      queries: [
        {
          expression: `sum(${rate(of("kvcluster_proposals_accepted_total"))})`,
          legend: "accepted",
        },
        { expression: `sum(${rate(of("kvcluster_proposals_failed_total"))})`, legend: "failed" },
      ],
    },
    {
      title: "Refused by access control",
      type: "timeseries",
      unit: "reqps",
      meaning: "Requests without a right, by reason.",
      queries: [
        {
          expression: `sum by (reason) (${rate(of("kvcluster_auth_failures_total"))})`,
          legend: "{{reason}}",
        },
      ],
    },
  ],
});

const consensus = (of: Series): Row => ({
  title: "Consensus",
  panels: [
    {
      title: "Lag of members",
      type: "timeseries",
      unit: "short",
      meaning: "Log entries that a member lacks, as the leader knows.",
      queries: [perPeer(`max by (peer) (${of("kvcluster_peer_lag_entries")})`)],
    },
    {
      title: "Changes of leader",
      type: "timeseries",
      unit: "short",
      meaning: "As each node has seen them, within five minutes.",
      queries: [perPod(`increase(${of("kvcluster_leader_changes_total")}[5m])`)],
    },
    {
      title: "Round trip to members",
      type: "timeseries",
      unit: "s",
      meaning: "The slowest node's latest ping to a member.",
      queries: [perPeer(`max by (peer) (${of("kvcluster_peer_round_trip_seconds")})`)],
    },
    {
      title: "Inbox",
      type: "timeseries",
      unit: "short",
      meaning: "Inputs that wait for the consensus loop; at its limit requests are OVERLOADED.",
      queries: [perPod(of("kvcluster_inbox_items"))],
    },
  ],
});

const storage = (of: Series): Row => ({
  title: "Storage",
  panels: [
    {
      title: "Sync of the log, p99",
      type: "timeseries",
      unit: "s",
      meaning: "Every write waits for a majority of these.",
      queries: [perPod(quantile(0.99, "pod", of("kvcluster_log_sync_duration_seconds_bucket")))],
    },
    {
      title: "Apply, p99",
      type: "timeseries",
      unit: "s",
      meaning: "Applying a batch of committed entries.",
      queries: [perPod(quantile(0.99, "pod", of("kvcluster_apply_duration_seconds_bucket")))],
    },
    {
      title: "Free on the volume",
      type: "timeseries",
      unit: "percentunit",
      meaning: "Share of the volume that is free.",
      queries: [perPod(`${of("kvcluster_disk_free_bytes")} / ${of("kvcluster_disk_size_bytes")}`)],
    },
    {
      title: "Size of state and log",
      type: "timeseries",
      unit: "bytes",
      meaning: "On disk, for each node.",
      queries: [
        { expression: of("kvcluster_db_size_bytes"), legend: "state {{pod}}" },
        { expression: of("kvcluster_log_size_bytes"), legend: "log {{pod}}" },
      ],
    },
  ],
});

const processes = (of: Series): Row => ({
  title: "Processes",
  panels: [
    {
      title: "Memory",
      type: "timeseries",
      unit: "bytes",
      meaning: "Resident memory.",
      queries: [perPod(of("process_resident_memory_bytes"))],
    },
    {
      title: "CPU",
      type: "timeseries",
      unit: "short",
      meaning: "Cores in use.",
      queries: [perPod(rate(of("process_cpu_seconds_total")))],
    },
    {
      title: "Event-loop lag, p99",
      type: "timeseries",
      unit: "s",
      meaning: "The loop must turn many times in an election timeout.",
      queries: [perPod(of("nodejs_eventloop_lag_p99_seconds"))],
    },
    {
      title: "Snapshots",
      type: "timeseries",
      unit: "short",
      meaning: "Whole states sent to members that lagged too far, and installed by them.",
      queries: [
        { expression: of("kvcluster_snapshots_sent_total"), legend: "sent {{pod}}" },
        { expression: of("kvcluster_snapshots_installed_total"), legend: "installed {{pod}}" },
      ],
    },
  ],
});

export const dashboardRows = (of: Series): readonly Row[] => [
  health(of),
  requests(of),
  consensus(of),
  storage(of),
  processes(of),
];
