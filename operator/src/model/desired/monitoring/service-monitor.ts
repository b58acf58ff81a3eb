/** ServiceMonitor NAME: Prometheus scrapes every node, ready or not, by the headless Service. */
import type { KVCluster } from "../../api/types.ts";
import { childNames, clusterLabel, serviceLabel } from "../../names.ts";
import type { KubeObject } from "../../observed.ts";
import { childMetadata } from "../child-metadata.ts";
import { clusterSeriesLabel } from "./series.ts";

export const buildServiceMonitor = (cluster: KVCluster): KubeObject => {
  const { name } = cluster.metadata;
  const { interval, labels } = cluster.spec.monitoring.serviceMonitor;
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: childMetadata(cluster, childNames(name).serviceMonitor, { labels }),
    spec: {
      selector: { matchLabels: { [clusterLabel]: name, [serviceLabel]: "peers" } },
      endpoints: [
        {
          port: "metrics",
          path: "/metrics",
          interval,
          relabelings: [{ action: "replace", targetLabel: clusterSeriesLabel, replacement: name }],
        },
      ],
    },
  };
};
