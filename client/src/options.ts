/** What a client is made of: endpoints, credentials and limits, each with its default. */

import type { Auth } from "./credentials.ts";
import { KVClientError } from "./errors.ts";
import type { TlsSettings } from "./http/connections.ts";
import { normalizeEndpoint } from "./http/probe.ts";

export interface ClientLimits {
  /** Deadline of a call, retries included; each call may set its own. */
  readonly timeoutMs: number;
  /** A read that takes longer on one endpoint is tried on another. */
  readonly readAttemptTimeoutMs: number;
  /** The first attempt included. */
  readonly attemptsMax: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  readonly retryAfterMaxMs: number;
  readonly retryBudgetMax: number;
  readonly retryBudgetRatio: number;
  /** Calls under way at once; further ones are refused with OVERLOADED. */
  readonly callsMax: number;
  readonly connectionsPerEndpointMax: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Bytes of one answer; a snapshot is streamed and has no such limit. */
  readonly answerBytesMax: number;
  /** How often the leader is looked for while there are writes, with several endpoints. */
  readonly leaderRefreshMs: number;
  readonly probeTimeoutMs: number;
}

export const defaultClientLimits: ClientLimits = {
  timeoutMs: 10_000,
  readAttemptTimeoutMs: 2_500,
  attemptsMax: 20,
  backoffBaseMs: 40,
  backoffMaxMs: 1_000,
  retryAfterMaxMs: 5_000,
  retryBudgetMax: 100,
  retryBudgetRatio: 0.2,
  callsMax: 10_000,
  connectionsPerEndpointMax: 256,
  connectTimeoutMs: 2_000,
  idleTimeoutMs: 20_000,
  answerBytesMax: 67_108_864,
  leaderRefreshMs: 5_000,
  probeTimeoutMs: 1_000,
};

export interface KVStoreClientOptions {
  /** One node, many nodes, or a balancer: `http://host:port`; `http://` may be left out. */
  readonly endpoints: string | readonly string[];
  /** null: no Authorization header, for the routes that need none. */
  readonly auth?: Auth | null;
  readonly limits?: Partial<ClientLimits>;
  readonly tls?: TlsSettings;
}

/** @throws KVClientError INVALID_ARGUMENT naming the endpoint */
export function parseEndpoints(endpoints: string | readonly string[]): readonly string[] {
  const listed = typeof endpoints === "string" ? endpoints.split(",") : endpoints;
  const urls = listed.map((text) => {
    const url = normalizeEndpoint(text.trim());
    if (url !== null) return url;
    throw new KVClientError("INVALID_ARGUMENT", {
      message: `not an endpoint: ${JSON.stringify(text)} (want http://host:port)`,
    });
  });
  return [...new Set(urls)];
}

/** @throws KVClientError INVALID_ARGUMENT naming the limit */
export function resolveLimits(given: Partial<ClientLimits>): ClientLimits {
  const limits = { ...defaultClientLimits, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new KVClientError("INVALID_ARGUMENT", {
      message: `limits.${name} must be a number of at least 0, got ${value}`,
    });
  }
  return limits;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Deadline of this call, retries included. */
  readonly timeoutMs?: number;
}
