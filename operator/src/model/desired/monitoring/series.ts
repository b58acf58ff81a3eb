/** How the series of one KVCluster are told from those of another. */
import type { KVCluster } from "../../api/types.ts";

/** Label that the ServiceMonitor gives every series: the KVCluster's name. */
export const clusterSeriesLabel = "kvcluster";

/** Selects the series of a metric that belong to one KVCluster. */
export type Series = (metric: string, matchers?: string) => string;

/** Names of namespaces and KVClusters need no escaping: they are DNS labels. */
export const seriesOf =
  ({ metadata }: KVCluster): Series =>
  (metric, matchers = "") => {
    const own = `namespace="${metadata.namespace}",${clusterSeriesLabel}="${metadata.name}"`;
    return `${metric}{${own}${matchers === "" ? "" : `,${matchers}`}}`;
  };

/** `NAMESPACE/NAME`, for people. */
export const titleOf = ({ metadata }: KVCluster): string =>
  `${metadata.namespace}/${metadata.name}`;
