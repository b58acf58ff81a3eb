/** Puts the HTTP server of a node together from its routes and ports. */

import { type Config, effectiveConfig } from "../config/index.ts";
import type { NodeService } from "../replica/index.ts";
import type { Authorizer } from "./authorization.ts";
import { clusterRoutes } from "./cluster-routes.ts";
import { commandRoutes } from "./command-routes.ts";
import type { ApiContext, ApiLog, MetricsPage, RequestMetrics } from "./context.ts";
import { documentRoutes, healthRoutes } from "./health-routes.ts";
import { ApiServer } from "./http-server.ts";
import { kvRoutes } from "./kv-routes.ts";
import { renderOpenApi } from "./openapi.ts";
import { operationRoutes } from "./operation-routes.ts";
import { rangeRoutes } from "./range-routes.ts";
import { ReadBatcher } from "./read-batcher.ts";
import type { Route } from "./route.ts";
import type { Sealer } from "./sealer.ts";

/** What a node gives to its HTTP face. */
export interface HttpServerOptions {
  readonly node: NodeService;
  readonly authorizer: Authorizer;
  readonly sealer: Sealer;
  readonly config: Config;
  readonly metrics: RequestMetrics;
  readonly metricsPage: MetricsPage;
  readonly logger: ApiLog;
  /** Version of KVCluster. */
  readonly version: string;
}

/** Every route of the HTTP listener. */
export const apiRoutes: readonly Route[] = [
  ...kvRoutes,
  ...rangeRoutes,
  ...commandRoutes,
  ...clusterRoutes,
  ...operationRoutes,
  ...healthRoutes,
  ...documentRoutes,
];

/** Keys read in one crossing into the store. */
const readBatchKeysMax = 512;

function createContext(options: HttpServerOptions): ApiContext {
  const { node, sealer, config, metricsPage, version } = options;
  let openApi: string | null = null;
  return {
    node,
    sealer,
    reads: new ReadBatcher(node, readBatchKeysMax),
    limits: config.limits,
    timeouts: config.timeouts,
    metricsPage,
    effectiveConfig: effectiveConfig(config),
    version,
    uptimeSeconds: () => process.uptime(),
    openApi: () => {
      openApi ??= renderOpenApi(apiRoutes, version);
      return openApi;
    },
  };
}

/** The API, for `listen.http`. */
export function createHttpServer(options: HttpServerOptions): ApiServer {
  const { authorizer, metrics, logger, config } = options;
  return new ApiServer({
    routes: apiRoutes,
    context: createContext(options),
    authorizer,
    metrics,
    logger,
    limits: config.limits,
    timeouts: config.timeouts,
  });
}
