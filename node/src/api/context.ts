/** What routes work with: ports and limits, put in place once by the composition root. */
import type { LimitsConfig, TimeoutsConfig } from "../config/index.ts";
import type { NodeService, ReplicaService } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";
import type { ReadBatcher } from "./read-batcher.ts";
import type { Sealer } from "./sealer.ts";

/** Renders the metrics; implemented by metrics/. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

/** Told of every finished request; implemented by metrics/. On the hot path. */
export interface RequestMetrics {
  /**
   * @param route the path as OpenAPI writes it, `unknown` when there is none
   * @param code code of the error table, `OK` for a success
   */
  finished(request: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly code: string;
    readonly seconds: number;
  }): void;
}

/** The log, as pino gives it. */
export interface ApiLog {
  isLevelEnabled(level: string): boolean;
  debug(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ApiContext {
  readonly node: NodeService;
  readonly sealer: Sealer;
  readonly reads: ReadBatcher;
  readonly limits: LimitsConfig;
  readonly timeouts: TimeoutsConfig;
  readonly metricsPage: MetricsPage;
  /** Settings by path, secrets masked, for `/v1/status`. */
  readonly effectiveConfig: { readonly [setting: string]: unknown };
  readonly version: string;
  /** Seconds since the process started. */
  readonly uptimeSeconds: () => number;
  /** Made once from the routes. */
  readonly openApi: () => string;
}

/** The replica, when this node may serve data. @throws ApiError with the phase's own code */
export function servingReplica(node: NodeService): ReplicaService {
  const phase = node.phase();
  switch (phase) {
    case "blank":
      throw new ApiError("NOT_BOOTSTRAPPED", "this node has no identity yet");
    case "starting":
      throw new ApiError("STARTING", "this node is recovering what is on its disk");
    case "removed":
      throw new ApiError("REMOVED", "this node was removed from its cluster");
    case "corrupt":
      throw new ApiError("CORRUPT", "this replica is corrupt and serves nothing");
    case "serving":
    case "draining": {
      const replica = node.replica();
      if (replica === null) throw new ApiError("STARTING", "this node is not serving yet");
      return replica;
    }
  }
}
