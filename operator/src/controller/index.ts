/** The door of the process's loops: queue, controller, metrics, health, settings. */
export { Controller, type ControllerParts, type Log } from "./controller.ts";
export { type HealthCheckResult, HealthServer, type HealthSources } from "./health-server.ts";
export { metricTable, type OperatorMetricDoc } from "./metric-table.ts";
export { type KubeAnswer, type MetricSources, OperatorMetrics } from "./metrics.ts";
export {
  type OperatorSettings,
  readSettings,
  SettingsError,
  settingsTable,
} from "./settings.ts";
export { type ProcessClock, WorkQueue } from "./work-queue.ts";
