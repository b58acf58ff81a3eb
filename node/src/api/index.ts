/** The door of the API: the HTTP server of a node and the ports it needs. */
export { ApiError, type ApiErrorExtras } from "./api-error.ts";
export { type Auth, AuthConfigurationError, openAuth, readSecretFile } from "./auth/index.ts";
export type { Authorizer, Identity, KeyRange, Need } from "./authorization.ts";
export type { ApiLog, MetricsPage, RequestMetrics } from "./context.ts";
export {
  apiRoutes,
  createHttpServer,
  type HttpServerOptions,
} from "./create.ts";
export { createHealthPort } from "./health.ts";
export type { ApiServer } from "./http-server.ts";
export {
  createMetrics,
  type Metrics,
  type MetricsServer,
  startMetricsServer,
} from "./metrics/index.ts";
export type { Method, Route } from "./route.ts";
export type { Sealer } from "./sealer.ts";
