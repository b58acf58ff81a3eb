/**
 * What a load connection speaks. Both clients are written by hand over raw sockets, with requests
 * prepared as far as they can be, so that the generator takes as little of the shared cores as
 * possible and about the same for both systems.
 */

export type OperationKind = "put" | "get";

/** What one operation is made of. */
export interface Operation {
  readonly kind: OperationKind;
  readonly key: string;
  readonly value: Buffer;
}

/** One connection with at most one request under way. */
export interface LoadConnection {
  /** Resolves once the connection may be used. */
  readonly ready: Promise<void>;
  /** @param done called with null, or with why the request failed */
  send(operation: Operation, done: (error: string | null) => void): void;
  close(): void;
}

export interface Target {
  /** `host:port` of every node; connections are spread over them in turn. */
  readonly endpoints: readonly string[];
  /** Only for KVCluster. */
  readonly token: string;
}

export const splitEndpoint = (endpoint: string): { host: string; port: number } => {
  const at = endpoint.lastIndexOf(":");
  return { host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) };
};
