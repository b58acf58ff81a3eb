/**
 * One client for each pod that was asked, kept while the pod has its address and closed when it
 * goes. Holds the clusters' admin secrets in memory, as long as there are connections, and mints
 * short-lived tokens from them; neither is ever told.
 */
import { type ClientLimits, KVStoreClient } from "@kvcluster/client";
import type { KvClaim } from "@kvcluster/protocol";
import type { KVCluster, ObservedPod } from "../model/index.ts";
import { ports } from "../model/index.ts";
import type { ClusterKey } from "../reconcile/index.ts";

/** The `sub` of the operator's tokens, for the nodes' logs. */
const operatorName = "kvcluster-operator";

/** No key of a user is read: the prefix is that of the key which `confirmMembers` asks for. */
export const barrierKey = "kvcluster.io/operator/barrier";
const grants: KvClaim = [
  { prefix: "", verbs: ["admin"] },
  { prefix: barrierKey, verbs: ["read"] },
];

/** Two attempts, so that a connection which the node has closed meanwhile is no failure. */
const limits: Partial<ClientLimits> = {
  attemptsMax: 2,
  timeoutMs: 5_000,
  readAttemptTimeoutMs: 1_500,
  connectTimeoutMs: 1_000,
  connectionsPerEndpointMax: 4,
  // Longer than the time between two passes, so that connections are used again.
  idleTimeoutMs: 45_000,
  answerBytesMax: 1_048_576,
};

/** Base URL of a pod's client port, or null while it has no address. */
export type EndpointOf = (pod: ObservedPod) => string | null;

export const podEndpoint: EndpointOf = ({ ip }) => {
  if (ip === null) return null;
  return `http://${ip.includes(":") ? `[${ip}]` : ip}:${ports.http}`;
};

interface Connections {
  readonly secret: Uint8Array;
  /** Base URL → client. */
  readonly clients: Map<string, KVStoreClient>;
}

export class NodeConnections {
  readonly #endpointOf: EndpointOf;
  readonly #clusters = new Map<string, Connections>();
  readonly #closing = new Set<Promise<void>>();

  constructor(endpointOf: EndpointOf) {
    this.#endpointOf = endpointOf;
  }

  /** Connections open or being opened, for tests. */
  get size(): number {
    return [...this.#clusters.values()].reduce((sum, { clients }) => sum + clients.size, 0);
  }

  /** Clients by pod name, of the pods with an address; closes those of others. */
  open(
    cluster: KVCluster,
    pods: readonly ObservedPod[],
    secret: Uint8Array,
  ): ReadonlyMap<string, KVStoreClient> {
    const connections = this.#connectionsOf(cluster, secret);
    const opened = new Map<string, KVStoreClient>();
    const wanted = new Set<string>();
    for (const pod of pods) {
      const url = this.#endpointOf(pod);
      if (url === null) continue;
      wanted.add(url);
      const client = connections.clients.get(url) ?? connect(url, secret);
      connections.clients.set(url, client);
      opened.set(pod.name, client);
    }
    for (const [url, client] of connections.clients) {
      if (wanted.has(url)) continue;
      connections.clients.delete(url);
      this.#close(client);
    }
    return opened;
  }

  forget(key: ClusterKey): void {
    const name = nameOf(key);
    const connections = this.#clusters.get(name);
    this.#clusters.delete(name);
    for (const client of connections?.clients.values() ?? []) this.#close(client);
  }

  /** Closes everything; calls under way fail. */
  async close(): Promise<void> {
    for (const { clients } of this.#clusters.values()) {
      for (const client of clients.values()) this.#close(client);
    }
    this.#clusters.clear();
    await Promise.all(this.#closing);
  }

  #connectionsOf({ metadata }: KVCluster, secret: Uint8Array): Connections {
    const known = this.#clusters.get(nameOf(metadata));
    if (known !== undefined && isSameSecret(known.secret, secret)) return known;
    this.forget(metadata);
    const made: Connections = { secret, clients: new Map() };
    this.#clusters.set(nameOf(metadata), made);
    return made;
  }

  #close(client: KVStoreClient): void {
    const closed = client.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

const nameOf = ({ namespace, name }: ClusterKey): string => `${namespace}/${name}`;

const connect = (endpoint: string, secret: Uint8Array): KVStoreClient =>
  new KVStoreClient({
    endpoints: endpoint,
    auth: { secret, user: operatorName, grants },
    limits,
  });

/** Both are secrets of ours, so nothing is to be learnt from how long this takes. */
const isSameSecret = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);
