/** Alerts on disks and on how long writes take. */
import type { KVCluster } from "../../api/types.ts";
import type { Alert } from "./alert.ts";
import { seriesOf, titleOf } from "./series.ts";

function diskAlerts(cluster: KVCluster): Alert[] {
  const of = seriesOf(cluster);
  const title = titleOf(cluster);
  const free = of("kvcluster_disk_free_bytes");
  const share = `${free} / ${of("kvcluster_disk_size_bytes")}`;
  return [
    {
      name: "KVClusterDiskFilling",
      severity: "warning",
      expression: `(${share} < 0.4) and (predict_linear(${free}[6h], 24 * 3600) < 0)`,
      after: "30m",
      summary: `The volume of {{ $labels.pod }} of ${title} will be full within a day.`,
      description:
        "{{ $value | humanizePercentage }} is free, and at the pace of the last six hours it is " +
        "used up within 24 hours.",
    },
    {
      name: "KVClusterDiskAlmostFull",
      severity: "critical",
      expression: `${share} < 0.1`,
      after: "5m",
      summary: `The volume of {{ $labels.pod }} of ${title} is almost full.`,
      description:
        "{{ $value | humanizePercentage }} is free. At the reserve the node refuses writes " +
        "(OVERLOADED); deletes, compaction and reads go on.",
    },
  ];
}

const p99 = (buckets: string): string =>
  `histogram_quantile(0.99, sum by (pod, le) (rate(${buckets}[5m])))`;

function latencyAlerts(cluster: KVCluster): Alert[] {
  const of = seriesOf(cluster);
  const title = titleOf(cluster);
  const writes = 'method=~"PUT|DELETE|POST",route=~"/v1/(kv|batch).*"';
  const failed = `sum(rate(${of("kvcluster_proposals_failed_total")}[5m]))`;
  const accepted = `sum(rate(${of("kvcluster_proposals_accepted_total")}[5m]))`;
  return [
    {
      name: "KVClusterSlowDisk",
      severity: "warning",
      expression: `${p99(of("kvcluster_log_sync_duration_seconds_bucket"))} > 0.25`,
      after: "10m",
      summary: `The disk of {{ $labels.pod }} of ${title} is slow.`,
      description:
        "One in a hundred syncs of the log takes {{ $value | humanizeDuration }} or longer. " +
        "Every write waits for a majority of the disks.",
    },
    {
      name: "KVClusterSlowWrites",
      severity: "warning",
      expression: `${p99(of("kvcluster_http_request_duration_seconds_bucket", writes))} > 0.5`,
      after: "10m",
      summary: `Writes through {{ $labels.pod }} of ${title} take long.`,
      description:
        "One in a hundred takes {{ $value | humanizeDuration }} or longer from the request to " +
        "its answer, which comes after the commit.",
    },
    {
      name: "KVClusterWritesFailing",
      severity: "warning",
      expression: `${failed} / (${failed} + ${accepted}) > 0.05`,
      after: "10m",
      summary: `${title} refuses writes or does not answer them in time.`,
      description: "{{ $value | humanizePercentage }} of the proposals of clients failed.",
    },
  ];
}

export const storageAlerts = (cluster: KVCluster): readonly Alert[] => [
  ...diskAlerts(cluster),
  ...latencyAlerts(cluster),
];
