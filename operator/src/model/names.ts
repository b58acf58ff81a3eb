/** Names, labels, ports and paths that operator, pods, charts and documents agree on. */

export const apiGroup = "kvcluster.io";
export const apiVersion = "v1alpha1";
/** Field manager of every server-side apply. */
export const fieldManager = "kvcluster-operator";
/** Hash of the intent of a child, so that fields taken out of the intent are noticed. */
export const intentAnnotation = "kvcluster.io/intent";
/** Label on every child: the KVCluster's name. */
export const clusterLabel = "kvcluster.io/cluster";
/** Label that tells the two Services apart: `client` or `peers` (with the metrics port). */
export const serviceLabel = "kvcluster.io/service";
/** On the pod template: hash of `node.yaml`, so that a change rolls. */
export const configAnnotation = "kvcluster.io/config";
/** On ConfigMap NAME-access: the API server's issuer that the nodes were told. */
export const issuerAnnotation = "kvcluster.io/issuer";
/** The container of the node in its pod. */
export const nodeContainer = "node";
/** The claim template; a claim is `data-POD`. */
export const claimTemplate = "data";

export const ports = { http: 5000, peer: 5100, metrics: 8000 } as const;

export const paths = {
  config: "/etc/kvcluster/config/node.yaml",
  policies: "/etc/kvcluster/access/policies.yaml",
  jwks: "/etc/kvcluster/access/jwks.json",
  /** Public keys and key sets of foreign issuers, one file each. */
  issuers: "/etc/kvcluster/issuers",
  authSecret: "/etc/kvcluster/secrets/auth/jwt-secret",
  keyRing: "/etc/kvcluster/secrets/keyring/key-ring.json",
  peerSecret: "/etc/kvcluster/secrets/peer/peer-secret",
  /** The volume; the data folder is `data` in it, so that a `lost+found` does no harm. */
  volume: "/var/lib/kvcluster",
  dataFolder: "/var/lib/kvcluster/data",
} as const;

/** Issuer, audience and `kid`-less HS256 key of administrators' and the operator's tokens. */
export const adminIssuer = "kvcluster";

/** Names of all children of the KVCluster `name`. */
export interface ChildNames {
  readonly statefulSet: string;
  readonly clientService: string;
  readonly headlessService: string;
  /** `node.yaml`: a change restarts pods. */
  readonly configMap: string;
  /** `policies.yaml`, `jwks.json`: reloaded without a restart. */
  readonly accessConfigMap: string;
  /** key `jwt-secret` */
  readonly authSecret: string;
  /** key `key-ring.json` */
  readonly keyRingSecret: string;
  /** key `peer-secret` */
  readonly peerSecret: string;
  readonly serviceAccount: string;
  readonly podDisruptionBudget: string;
  readonly networkPolicy: string;
  readonly serviceMonitor: string;
  readonly prometheusRule: string;
  readonly dashboard: string;
}

export const childNames = (name: string): ChildNames => ({
  statefulSet: name,
  clientService: name,
  headlessService: `${name}-peers`,
  configMap: `${name}-config`,
  accessConfigMap: `${name}-access`,
  authSecret: `${name}-auth`,
  keyRingSecret: `${name}-keyring`,
  peerSecret: `${name}-peer`,
  serviceAccount: name,
  podDisruptionBudget: name,
  networkPolicy: name,
  serviceMonitor: name,
  prometheusRule: name,
  dashboard: `${name}-dashboard`,
});

/** Pod of an ordinal; also the member's name. */
export const podName = (cluster: string, ordinal: number): string => `${cluster}-${ordinal}`;
export const claimName = (cluster: string, ordinal: number): string =>
  `${claimTemplate}-${podName(cluster, ordinal)}`;

/** Where a member says that it is reached; without the cluster domain, as its pod has them. */
export function memberAddresses(
  cluster: { readonly namespace: string; readonly name: string },
  pod: string,
): { readonly peerAddress: string; readonly clientAddress: string } {
  const host = `${pod}.${childNames(cluster.name).headlessService}.${cluster.namespace}.svc`;
  return {
    peerAddress: `${host}:${ports.peer}`,
    clientAddress: `http://${host}:${ports.http}`,
  };
}

/** The ordinal in a pod's name, or null when it is not a pod of this cluster. */
export function ordinalOf(cluster: string, pod: string): number | null {
  const [, digits] = pod.startsWith(`${cluster}-`)
    ? (/^(0|[1-9]\d{0,3})$/.exec(pod.slice(cluster.length + 1)) ?? [])
    : [];
  return digits === undefined ? null : Number(digits);
}

/** Labels that select the pods of a cluster; immutable once a StatefulSet has them. */
export const selectorLabels = (name: string): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/name": "kvcluster",
  "app.kubernetes.io/instance": name,
});

export const childLabels = (name: string): Readonly<Record<string, string>> => ({
  ...selectorLabels(name),
  "app.kubernetes.io/managed-by": "kvcluster-operator",
  [clusterLabel]: name,
});
