/** What is mounted into a node: its volume, its configuration, its secrets. */
import type { KVCluster } from "../api/types.ts";
import { childNames, claimTemplate, paths } from "../names.ts";
import type { JsonObject } from "./json.ts";
import { issuerFile } from "./node-config.ts";

/** The kubelet adds the group's read bit for fsGroup; nobody else may read a secret. */
const secretMode = 0o400;
const plainMode = 0o644;

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
const fileOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const configMap = (name: string, configMapName: string): JsonObject => ({
  name,
  configMap: { name: configMapName, defaultMode: plainMode },
});

/** Only the one key that the node needs, whatever else is in the Secret. */
const secret = (name: string, secretName: string, path: string): JsonObject => ({
  name,
  secret: {
    secretName,
    defaultMode: secretMode,
    items: [{ key: fileOf(path), path: fileOf(path) }],
  },
});

function issuerVolumes({ spec }: KVCluster): readonly JsonObject[] {
  const sources = spec.auth.issuers.flatMap((issuer) => {
    const reference = (issuer.publicKey ?? issuer.jwks)?.configMapKeyRef;
    if (reference === undefined) return [];
    const { name, key } = reference;
    // Optional: pods start without a ConfigMap or a key that is not there yet.
    return [{ configMap: { name, items: [{ key, path: issuerFile(issuer) }], optional: true } }];
  });
  if (sources.length === 0) return [];
  return [{ name: "issuers", projected: { defaultMode: plainMode, sources } }];
}

/** Name of the Secret with the key ring: the user's own, or the generated one. */
export const keyRingSecretName = ({ metadata, spec }: KVCluster): string =>
  spec.encryption.secretName ?? childNames(metadata.name).keyRingSecret;

export function volumes(cluster: KVCluster): readonly JsonObject[] {
  const names = childNames(cluster.metadata.name);
  return [
    configMap("config", names.configMap),
    configMap("access", names.accessConfigMap),
    secret("auth", names.authSecret, paths.authSecret),
    secret("keyring", keyRingSecretName(cluster), paths.keyRing),
    secret("peer", names.peerSecret, paths.peerSecret),
    ...issuerVolumes(cluster),
  ];
}

/** Whole folders, no `subPath`: only so do changes reach a running pod. */
export function volumeMounts(cluster: KVCluster): readonly JsonObject[] {
  const readOnly = (name: string, mountPath: string): JsonObject => ({
    name,
    mountPath,
    readOnly: true,
  });
  return [
    { name: claimTemplate, mountPath: paths.volume },
    readOnly("config", folderOf(paths.config)),
    readOnly("access", folderOf(paths.policies)),
    readOnly("auth", folderOf(paths.authSecret)),
    readOnly("keyring", folderOf(paths.keyRing)),
    readOnly("peer", folderOf(paths.peerSecret)),
    ...(cluster.spec.auth.issuers.length > 0 ? [readOnly("issuers", paths.issuers)] : []),
  ];
}
