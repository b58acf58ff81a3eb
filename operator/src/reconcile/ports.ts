/** What a reconcile pass needs of the world. `kube/` and `members/` implement it, tests fake it. */
import type {
  EventIntent,
  KubeAction,
  KVCluster,
  KVClusterStatus,
  NodeView,
  Observed,
  ObservedPod,
  StoreAction,
} from "../model/index.ts";

/**
 * `cached`: as the watches have it, which may be late. `fresh`: asked of the API server now (a read
 * without resourceVersion), before anything that cannot be taken back.
 */
export type ReadMode = "cached" | "fresh";

/** Why the API server did not do what was asked; `code` of every error that `KubePort` throws. */
export type KubeErrorCode =
  | "notFound"
  /** The resourceVersion or uid sent along is not the present one. */
  | "conflict"
  | "alreadyExists"
  /** A version, or the continuation of a list, that has been compacted away. */
  | "gone"
  | "forbidden"
  | "unauthorized"
  /** The API server understood and refused: a retry of the same will fail again. */
  | "invalid"
  | "tooManyRequests"
  /** A PodDisruptionBudget refuses an eviction now. */
  | "disruptionBudget"
  /** No connection, or a 5xx. */
  | "unavailable"
  /** No answer within the time limit; a write may have happened. */
  | "timeout"
  /** We gave up ourselves: the process stops, or lost the Lease. */
  | "aborted"
  /** The answer is not what the API promises. */
  | "malformed";

/** Everything of `Observed` but the nodes. */
export type KubeView = Omit<Observed, "nodes" | "now">;

/** The API server as one KVCluster sees it. Errors are `KubeError`s with a stable code. */
export interface KubePort {
  /** The resource, cached unless told otherwise; null when it is gone. */
  cluster(key: ClusterKey, mode?: ReadMode): Promise<KVCluster | null>;
  /**
   * Everything but the nodes, Secrets by name. `fresh` reads at least the StatefulSet, pods and
   * claims anew; `cluster` is then the one of a fresh read, too.
   */
  look(cluster: KVCluster, mode?: ReadMode): Promise<KubeView>;
  execute(cluster: KVCluster, action: KubeAction): Promise<void>;
  /**
   * Writes the complete status, with the resourceVersion of `cluster` as a precondition: a status
   * that was worked out from an old resource must not undo a newer one (it could forget the
   * cluster's id). @throws KubeError of code `conflict` when `cluster` is not the newest
   */
  writeStatus(cluster: KVCluster, status: KVClusterStatus): Promise<void>;
  recordEvent(cluster: KVCluster, event: EventIntent): Promise<void>;
  /** Reads the auth Secret by name for a token of the operator; null when there is none yet. */
  adminSecret(cluster: KVCluster): Promise<Uint8Array | null>;
}

/** The nodes of one store. */
export interface MembersPort {
  /** Asks every pod with an address, in parallel, each within its time limit. */
  survey(
    cluster: KVCluster,
    pods: readonly ObservedPod[],
    secret: Uint8Array,
  ): Promise<readonly NodeView[]>;
  /** @throws MembersError with the node's problem code */
  execute(cluster: KVCluster, action: StoreAction, view: StoreAccess): Promise<StoreResult>;
  /**
   * Names of the members by the leader's own answer of now, confirmed by a majority of its voters
   * and by a linearizable read: nobody outside it is a member. @throws MembersError when the store
   * cannot prove it
   */
  confirmMembers(cluster: KVCluster, view: StoreAccess): Promise<ReadonlySet<string>>;
  /** The cluster is gone: closes its connections. */
  forget(key: ClusterKey): void;
}

export interface StoreAccess {
  readonly pods: readonly ObservedPod[];
  readonly nodes: readonly NodeView[];
  readonly secret: Uint8Array;
}

/** `clusterId` after a bootstrap, to be recorded at once. */
export type StoreResult =
  | { readonly type: "done" }
  | { readonly type: "bootstrapped"; readonly clusterId: string };

export interface ClusterKey {
  readonly namespace: string;
  readonly name: string;
}

export interface Clock {
  /** ms since the epoch. */
  now(): number;
}
