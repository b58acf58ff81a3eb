/** The connections of a client or a balancer: kept alive, and bounded in number for each origin. */
import { Agent } from "undici";

export interface ConnectionSettings {
  /** Connections to one endpoint; further requests wait for one of them. */
  readonly connectionsPerEndpointMax: number;
  readonly connectTimeoutMs: number;
  /** An idle connection is closed after this, before the server does it. */
  readonly idleTimeoutMs: number;
  /** From the request's last byte to the answer's headers. */
  readonly headersTimeoutMs: number;
  /** Between two pieces of an answer's body. */
  readonly bodyIdleTimeoutMs: number;
}

export interface TlsSettings {
  /** PEM of the certificate authorities to trust instead of the system's. */
  readonly ca?: string;
}

/** @returns an agent that the caller closes. */
export function createAgent(settings: ConnectionSettings, tls: TlsSettings = {}): Agent {
  return new Agent({
    connections: settings.connectionsPerEndpointMax,
    pipelining: 1,
    connect: { timeout: settings.connectTimeoutMs, ...tls },
    keepAliveTimeout: settings.idleTimeoutMs,
    keepAliveMaxTimeout: settings.idleTimeoutMs,
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyIdleTimeoutMs,
    maxHeaderSize: 65_536,
  });
}
