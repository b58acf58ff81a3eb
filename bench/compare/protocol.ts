/**
 * What a load connection speaks. Both clients are written by hand over raw sockets, with requests
 * prepared as far as they can be, so that the generator takes as little of the shared cores as
 * possible and about the same for both systems.
 */

export type System = "kvcluster" | "etcd";

export interface Put {
  /** ASCII that needs no escaping in a URL. */
  readonly key: string;
  readonly value: Buffer;
}

/** One page of the keys that start with `prefix`. */
export interface PageRequest {
  readonly prefix: string;
  /** Keys in a page; 0: all of them, which only etcd gives. */
  readonly limit: number;
  /** `next` of the page before; null: the first page, at the present revision. */
  readonly after: string | null;
}

/** What one operation is made of. */
export type Operation =
  | ({ readonly kind: "put" } & Put)
  | { readonly kind: "get"; readonly key: string }
  /** All puts or none, at one revision. */
  | { readonly kind: "batch"; readonly puts: readonly Put[] }
  | ({ readonly kind: "page" } & PageRequest);

/** @param error null, or why the request failed; `body` is what the answer holds */
export type Done = (error: string | null, body: Buffer) => void;

export interface Page {
  readonly revision: number;
  readonly keys: number;
  /** For the next page's `after`; null on the last. */
  readonly next: string | null;
}

/** One connection with at most one request under way. */
export interface LoadConnection {
  /** Resolves once the connection may be used. */
  readonly ready: Promise<void>;
  send(operation: Operation, done: Done): void;
  /** Takes the body of the answer to `page` apart. */
  readPage(request: PageRequest, body: Buffer): Page;
  close(): void;
}

export interface Target {
  readonly system: System;
  /** `host:port` of every node; connections are spread over them in turn. */
  readonly endpoints: readonly string[];
  /** Only for KVCluster. */
  readonly token: string;
}

export const splitEndpoint = (endpoint: string): { host: string; port: number } => {
  const at = endpoint.lastIndexOf(":");
  return { host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) };
};

/** Sends one operation and waits for its answer. @throws Error with what the server said */
export const ask = (connection: LoadConnection, operation: Operation): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    connection.send(operation, (error, body) => {
      if (error === null) resolve(body);
      else reject(new Error(`${operation.kind}: ${error}`));
    });
  });
