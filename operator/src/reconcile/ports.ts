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

/** The API server as one KVCluster sees it. Errors are `KubeError`s with a stable code. */
export interface KubePort {
  /** The cached resource; null when it is gone. */
  cluster(key: ClusterKey): Promise<KVCluster | null>;
  /** Everything of `Observed` but the nodes; from caches, Secrets by name. */
  look(cluster: KVCluster): Promise<Omit<Observed, "nodes" | "now">>;
  execute(cluster: KVCluster, action: KubeAction): Promise<void>;
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
