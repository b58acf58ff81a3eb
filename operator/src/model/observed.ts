/**
 * What one pass of the reconciler saw: Kubernetes' objects and what each node said of itself. One
 * immutable value, plain JSON; `plan` reads nothing else.
 */
import type { ClusterStatus } from "@kvcluster/protocol";
import type { KVCluster } from "./api/types.ts";

/** A Kubernetes object as JSON, kind known. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
    readonly deletionTimestamp?: string;
  };
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObservedStatefulSet {
  readonly uid: string;
  /** `spec.replicas` */
  readonly replicas: number;
  readonly generation: number;
  readonly observedGeneration: number;
  /** Revision that new pods get; null until the controller has seen the current generation. */
  readonly updateRevision: string | null;
  /** Image of the node container in the template. */
  readonly image: string;
  /** Storage request in its claim template, a quantity. */
  readonly claimSize: string;
  readonly isDeleting: boolean;
}

export interface ObservedPod {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  /** Label `controller-revision-hash`. */
  readonly revision: string;
  readonly ip: string | null;
  /** Kubernetes node it runs on. */
  readonly nodeName: string | null;
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  /** Condition Ready. */
  readonly isReady: boolean;
  /** ms since the epoch at which Ready last changed; creation when it has no such condition. */
  readonly readySince: number;
  /** Set while it is being deleted: ms since the epoch at which its grace has run out. */
  readonly deletingUntil: number | null;
  /** The node container was started this often. */
  readonly restarts: number;
  /** Waiting reason (`CrashLoopBackOff`, `ImagePullBackOff`, …) or why it is not scheduled. */
  readonly problem: string | null;
  readonly image: string;
}

export interface ObservedClaim {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly phase: "Pending" | "Bound" | "Lost";
  /** Requested and present size, quantities. */
  readonly requested: string;
  readonly capacity: string | null;
  readonly isDeleting: boolean;
  /** It is owned by the KVCluster, so that it goes with it. */
  readonly isOwned: boolean;
  /** A KVCluster of this name that was deleted owns it: it is about to be deleted, too. */
  readonly isDoomed?: boolean;
  /** ms since the epoch. */
  readonly createdAt: number;
}

export type NodePhase = "starting" | "blank" | "serving" | "draining" | "corrupt" | "removed";

/** What the node in a pod answered; `unreachable` when it did not within the time limit. */
export type NodeView =
  | { readonly pod: string; readonly type: "unreachable"; readonly why: string }
  | {
      readonly pod: string;
      readonly type: "answered";
      readonly phase: NodePhase;
      readonly isReady: boolean;
      /** Why it is not ready, from `/readyz`. */
      readonly reasons: readonly string[];
      /** `GET /v1/cluster`; null when the node has no identity or did not tell. */
      readonly status: ClusterStatus | null;
      readonly version: string | null;
    };

/** What came of looking for the API server's token issuer and keys. */
export type IssuerView =
  | { readonly type: "known"; readonly issuer: string; readonly jwks: string }
  | { readonly type: "unknown"; readonly why: string };

/** Which optional APIs the API server serves now. */
export interface Capabilities {
  readonly serviceMonitor: boolean;
  readonly prometheusRule: boolean;
}

/** A Secret that the operator made or the spec names: whether it is there, never what is in it. */
export interface ObservedSecret {
  readonly name: string;
  readonly uid: string;
  readonly keys: readonly string[];
  readonly isOwned: boolean;
  /** A KVCluster of this name that was deleted owns it, too: it goes unless that is taken out. */
  readonly isDoomed?: boolean;
  /** Why its contents cannot be used, found by observe (a key ring without active key, …). */
  readonly fault: string | null;
}

export interface Observed {
  readonly cluster: KVCluster;
  /** ms since the epoch. */
  readonly now: number;
  /** Everything but Secrets, pods and claims that carries our label: `KIND/NAME` → live object. */
  readonly children: ReadonlyMap<string, KubeObject>;
  readonly secrets: ReadonlyMap<string, ObservedSecret>;
  /** Keys of the ConfigMaps that the spec names, by ConfigMap; absent: it does not exist. */
  readonly configMaps: ReadonlyMap<string, readonly string[]>;
  readonly statefulSet: ObservedStatefulSet | null;
  /** By ordinal, ascending. */
  readonly pods: readonly ObservedPod[];
  readonly claims: readonly ObservedClaim[];
  /** One for each pod with an address; empty while the store was not asked. */
  readonly nodes: readonly NodeView[];
  readonly issuer: IssuerView;
  readonly capabilities: Capabilities;
}

/** The operator's own settings that decide what is made. */
export interface OperatorDefaults {
  /** Image for clusters that name none when they are made. */
  readonly image: string;
  /** Labels of the operator's pods, for the NetworkPolicy's `from`; namespace by its name label. */
  readonly operatorNamespace: string;
  readonly operatorLabels: Readonly<Record<string, string>>;
}
