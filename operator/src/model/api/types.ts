/**
 * The `KVCluster` resource, `kvcluster.io/v1alpha1`, as the API server hands it out: with the
 * schema's defaults filled in. The schema (`schema.ts`) is checked against these types by the
 * compiler; CRD and reference page are generated from it.
 */
import type { Grant } from "@kvcluster/protocol";

/** What every object has. Owned by Kubernetes (API conventions, "Metadata"). */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  /** RFC 3339. */
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Keep or remove a volume claim. */
export type Retention = "Retain" | "Delete";

export interface StorageSpec {
  /** Size of each node's volume, a Kubernetes quantity. May grow, never shrink. */
  readonly size: string;
  /** Immutable. Left out: the cluster's default class. */
  readonly storageClassName?: string;
  readonly retention: {
    /** Claims and generated Secrets when the KVCluster is deleted. Default Retain. */
    readonly whenDeleted: Retention;
    /** The claim of a member that a scale-down removed. Default Delete. */
    readonly whenScaled: Retention;
  };
}

export interface ResourceList {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

/** A key in a ConfigMap or Secret of the same namespace. */
export interface KeyReference {
  readonly name: string;
  readonly key: string;
}

/** A foreign issuer whose tokens are believed; rights come from policies only. */
export interface IssuerSpec {
  readonly name: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** A PEM public key and its one algorithm, or a JWKS document: exactly one (CEL). */
  readonly publicKey?: { readonly algorithm: string; readonly configMapKeyRef: KeyReference };
  readonly jwks?: { readonly configMapKeyRef: KeyReference };
}

/** Gives verbs on key prefixes to service accounts, to a group of them, or to any claim. */
export interface PolicySpec {
  readonly name: string;
  /** Service accounts; `namespace` left out: the KVCluster's own. */
  readonly serviceAccounts?: readonly { readonly name: string; readonly namespace?: string }[];
  /** All service accounts of these namespaces (group `system:serviceaccounts:NAMESPACE`). */
  readonly namespaces?: readonly string[];
  /** Any claims of an issuer; all must match. `issuer` left out: the API server's. */
  readonly claims?: {
    readonly issuer?: string;
    readonly match: Readonly<Record<string, readonly string[]>>;
  };
  readonly grants: readonly Grant[];
}

export interface AuthSpec {
  /** Believe projected service-account tokens of this Kubernetes cluster. Default true. */
  readonly serviceAccountTokens: boolean;
  /** Accepted audiences of those tokens. Empty (default): `NAMESPACE/NAME`. */
  readonly audiences: readonly string[];
  readonly issuers: readonly IssuerSpec[];
  readonly policies: readonly PolicySpec[];
}

export interface ServiceSpec {
  readonly type: "ClusterIP" | "NodePort" | "LoadBalancer";
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface MonitoringSpec {
  /** Each takes effect when its CRD exists; dashboard: a ConfigMap for Grafana's sidecar. */
  readonly serviceMonitor: {
    readonly enabled: boolean;
    readonly interval: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly prometheusRule: {
    readonly enabled: boolean;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly dashboard: {
    readonly enabled: boolean;
    readonly labels: Readonly<Record<string, string>>;
  };
}

export interface NetworkPolicySpec {
  readonly enabled: boolean;
  /**
   * Who may reach the client port: `NetworkPolicyPeer`s. Empty (default): every pod of the
   * Kubernetes cluster. The peer port is open to the cluster's own pods only.
   */
  readonly clients: readonly Readonly<Record<string, unknown>>[];
}

export interface RaftSpec {
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Log entries kept for followers that lag, before a snapshot is sent instead. */
  readonly entriesKept: number;
}

export interface RepairSpec {
  /** Replace members whose volume is lost or whose pod cannot come back. Default true. */
  readonly enabled: boolean;
  /** A member must be away for so long before it is replaced. Default 600; at least 30. */
  readonly replaceAfterSeconds: number;
  /** Replacements within 24 h, all members together. Default 3. */
  readonly replacementsPerDayMax: number;
}

/** Laid over the pod template; each field as in `PodSpec`. */
export interface PodTemplateSpec {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly affinity?: Readonly<Record<string, unknown>>;
  readonly tolerations?: readonly Readonly<Record<string, unknown>>[];
  readonly topologySpreadConstraints?: readonly Readonly<Record<string, unknown>>[];
  readonly priorityClassName?: string;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

export interface KVClusterSpec {
  /** Nodes, 0 to 9. Odd is advised. 0 stops the nodes and keeps their data. Default 3. */
  readonly replicas: number;
  /** Left out: what the cluster was made with, first the operator's default. */
  readonly image?: string;
  readonly imagePullPolicy: "IfNotPresent" | "Always" | "Never";
  readonly storage: StorageSpec;
  readonly resources: ResourceList;
  readonly auth: AuthSpec;
  /** `secretName`: a Secret with a `key-ring.json` of your own; left out: one is generated. */
  readonly encryption: { readonly secretName?: string };
  readonly service: ServiceSpec;
  readonly monitoring: MonitoringSpec;
  readonly networkPolicy: NetworkPolicySpec;
  readonly raft: RaftSpec;
  readonly repair: RepairSpec;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error";
  readonly podTemplate: PodTemplateSpec;
  /** `pause`: changes of the pod template wait. */
  readonly updatePolicy: { readonly pause: boolean };
  /** The operator looks and writes status, and changes nothing. */
  readonly paused: boolean;
}

/** metav1.Condition. */
export interface Condition {
  readonly type: "Available" | "Progressing" | "Degraded";
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase, one of `docs/operations/conditions.md`. */
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339; changes only with `status`. */
  readonly lastTransitionTime: string;
}

export interface MemberStatus {
  /** The pod's name, which is the member's. */
  readonly name: string;
  /** Raft's node id; unique, never used again. */
  readonly nodeId: number;
  readonly role: "leader" | "voter" | "learner";
  readonly health: "healthy" | "lagging" | "unreachable" | "corrupt" | "unknown";
  /** Version of the node's program, as its pod's image label or status route says. */
  readonly version?: string;
}

export interface KVClusterStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  /** Written once, when the store was bootstrapped; proof that it must never be done again. */
  readonly clusterId?: string;
  /** Image that the nodes are to run; kept when `spec.image` is left out. */
  readonly image?: string;
  readonly currentVersion?: string;
  readonly leader?: string;
  readonly members?: readonly MemberStatus[];
  readonly memberCount?: number;
  /** Replicas of the StatefulSet, for the scale subresource. */
  readonly replicas?: number;
  readonly readyReplicas?: number;
  /** `READY/WANTED`, for people. */
  readonly ready?: string;
  /** Label selector of the pods, for the scale subresource. */
  readonly selector?: string;
  /** When members were replaced, RFC 3339, the last 24 h: the brake of `repair`. */
  readonly replacements?: readonly string[];
}

export interface KVCluster {
  readonly metadata: ObjectMeta;
  readonly spec: KVClusterSpec;
  readonly status?: KVClusterStatus;
}
