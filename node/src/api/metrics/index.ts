// The door of the metrics: what the API and the composition root may use.

export type { MetricDoc } from "./definition.ts";
export { createMetrics, type Metrics, type MetricsSources, metricGroups } from "./metrics.ts";
export {
  type HealthPort,
  type MetricsServer,
  type MetricsServerOptions,
  metricsConnectionsMax,
  startMetricsServer,
} from "./metrics-server.ts";
