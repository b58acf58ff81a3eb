/** Alerts on the keys that values are encrypted with and tokens are verified with. */
import type { KVCluster } from "../../api/types.ts";
import type { Alert } from "./alert.ts";
import { seriesOf, titleOf } from "./series.ts";

export function keyAlerts(cluster: KVCluster): readonly Alert[] {
  const of = seriesOf(cluster);
  const title = titleOf(cluster);
  return [
    {
      name: "KVClusterKeyRingStale",
      severity: "warning",
      expression: `${of("kvcluster_keyring_stale")} == 1`,
      after: "5m",
      summary: `{{ $labels.pod }} of ${title} refuses its key ring file.`,
      description: "It goes on with the former key ring and will not start with this file.",
    },
    {
      name: "KVClusterKeyRingsDiffer",
      severity: "warning",
      expression: `count(count by (key_id) (${of("kvcluster_keyring_active_key_info")})) > 1`,
      after: "30m",
      summary: `The nodes of ${title} encrypt with different keys.`,
      description:
        "{{ $value }} keys are active. After a rotation this lasts as long as the Secret needs " +
        "to reach every pod.",
    },
    {
      name: "KVClusterValuesUnreadable",
      severity: "critical",
      expression: `increase(${of("kvcluster_values_rejected_total")}[15m]) > 0`,
      after: "0s",
      summary: `{{ $labels.pod }} of ${title} cannot decrypt values that are stored.`,
      description:
        "About {{ $value | humanize }} reads in 15 minutes met a value that is damaged or whose " +
        "key is not in the key ring.",
    },
    {
      name: "KVClusterAccessFilesStale",
      severity: "warning",
      expression: `${of("kvcluster_auth_files_stale")} == 1`,
      after: "5m",
      summary: `{{ $labels.pod }} of ${title} refuses its {{ $labels.source }} file.`,
      description: "It goes on with the former content: new rights or keys are not in force.",
    },
  ];
}
