/**
 * What a node is told in its configuration file: everything that is the same for all nodes of the
 * cluster (docs/reference/configuration.md). Name and addresses come from the pod's environment.
 */
import type { IssuerSpec, KVCluster } from "../api/types.ts";
import { adminIssuer, paths, ports } from "../names.ts";
import type { IssuerView } from "../observed.ts";
import type { JsonObject } from "./json.ts";

/** A node finishes what is in flight for so long at SIGTERM, ms; the pod's grace holds it. */
export const shutdownGraceMs = 10_000;

/** Defaults of the node that must move when a setting beside them does. */
const tickMsMax = 50;
const entriesKeptMaxDefault = 100_000;

/** Where a key or key set of a foreign issuer is mounted, below `paths.issuers`. */
export const issuerFile = (issuer: IssuerSpec): string =>
  `${issuer.name}.${issuer.jwks === undefined ? "pem" : "json"}`;

interface AuthKey {
  readonly name: string;
  readonly algorithm?: string;
  readonly file?: string;
  readonly jwksFile?: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly grants: "trusted" | "policies";
  /** A node starts without it: whoever publishes it must not be able to stop the store. */
  readonly optional?: boolean;
}

/** Tokens of administrators, the operator and the pods' preStop, signed by the generated secret. */
const adminKey: AuthKey = {
  name: "admin",
  algorithm: "HS256",
  file: paths.authSecret,
  issuer: adminIssuer,
  audiences: [adminIssuer],
  grants: "trusted",
};

/** Projected service-account tokens; none while the API server's issuer is unknown. */
function kubernetesKeys({ metadata, spec }: KVCluster, issuer: IssuerView): readonly AuthKey[] {
  if (!spec.auth.serviceAccountTokens || issuer.type === "unknown") return [];
  const { audiences } = spec.auth;
  return [
    {
      name: "kubernetes",
      jwksFile: paths.jwks,
      issuer: issuer.issuer,
      audiences: audiences.length > 0 ? audiences : [`${metadata.namespace}/${metadata.name}`],
      grants: "policies",
      optional: true,
    },
  ];
}

/** The schema of the resource keeps the names of our own keys from being taken. */
const foreignKey = (spec: IssuerSpec): AuthKey => ({
  name: spec.name,
  ...(spec.publicKey === undefined
    ? { jwksFile: `${paths.issuers}/${issuerFile(spec)}` }
    : {
        algorithm: spec.publicKey.algorithm,
        file: `${paths.issuers}/${issuerFile(spec)}`,
      }),
  issuer: spec.issuer,
  audiences: spec.audiences,
  grants: "policies",
  optional: true,
});

/** Settings by name, as the node's configuration file nests them. */
export function nodeConfig(cluster: KVCluster, issuer: IssuerView): JsonObject {
  const { raft, auth, logLevel } = cluster.spec;
  return {
    dataFolder: paths.dataFolder,
    logLevel,
    keyRingFile: paths.keyRing,
    // Every address of the pod, of both families: a Kubernetes cluster may have IPv6 only.
    listen: {
      http: `[::]:${ports.http}`,
      peer: `[::]:${ports.peer}`,
      metrics: `[::]:${ports.metrics}`,
    },
    auth: {
      keys: [adminKey, ...kubernetesKeys(cluster, issuer), ...auth.issuers.map(foreignKey)],
      policiesFile: paths.policies,
    },
    timeouts: { shutdownGraceMs },
    raft: {
      // The clock must not be coarser than a heartbeat.
      tickMs: Math.min(tickMsMax, raft.heartbeatIntervalMs),
      electionTimeoutMs: raft.electionTimeoutMs,
      heartbeatIntervalMs: raft.heartbeatIntervalMs,
    },
    log: {
      entriesKept: raft.entriesKept,
      entriesKeptMax: Math.max(entriesKeptMaxDefault, raft.entriesKept),
    },
    peers: { secretFile: paths.peerSecret },
  };
}

/** `node.yaml`. JSON, which is YAML, indented for people. */
export const nodeConfigText = (cluster: KVCluster, issuer: IssuerView): string =>
  `# Written by kvcluster-operator; changes here are put back.\n${JSON.stringify(
    nodeConfig(cluster, issuer),
    null,
    2,
  )}\n`;
