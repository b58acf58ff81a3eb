/** Secrets that the operator generates: made where they are missing, never written again. */

import type { KVCluster } from "../api/types.ts";
import { keyRingSecretName } from "../desired/volumes.ts";
import { childLabels, childNames } from "../names.ts";
import type { Observed } from "../observed.ts";
import type { CreateSecretAction, KubeAction } from "./action.ts";
import { isGoing } from "./store-views.ts";

type Contents = CreateSecretAction["contents"];

/** A Secret that pods mount: name, and the key in it that they need. */
export interface NeededSecret {
  readonly name: string;
  readonly key: string;
  /** null: the user's own, which the operator never makes, changes or owns. */
  readonly contents: Contents | null;
}

/** Every Secret without which no pod starts. */
export function neededSecrets(cluster: KVCluster): readonly NeededSecret[] {
  const names = childNames(cluster.metadata.name);
  const isOwn = cluster.spec.encryption.secretName === undefined;
  return [
    { name: names.authSecret, key: "jwt-secret", contents: "jwtSecret" },
    {
      name: keyRingSecretName(cluster),
      key: "key-ring.json",
      contents: isOwn ? "keyRing" : null,
    },
    { name: names.peerSecret, key: "peer-secret", contents: "peerSecret" },
  ];
}

/** Generated Secrets go with the KVCluster only when its data does too. */
export const isOwnedByRetention = ({ spec }: KVCluster): boolean =>
  spec.storage.retention.whenDeleted === "Delete";

/**
 * Whether a key ring of ours must not be made anew: values were stored under the one that is gone.
 * A new one would look as if all were well until the nodes restart, and the way back, a restore of
 * the Secret, would be taken.
 */
const holdsValues = ({ cluster, claims }: Observed): boolean =>
  cluster.status?.clusterId !== undefined ||
  claims.some((claim) => claim.phase === "Bound" && !isGoing(claim));

export function planSecrets(observed: Observed): readonly KubeAction[] {
  const { cluster, secrets } = observed;
  return neededSecrets(cluster).flatMap(({ name, contents }): readonly KubeAction[] => {
    if (contents === null || secrets.has(name)) return [];
    if (contents === "keyRing" && holdsValues(observed)) return [];
    const labels = childLabels(cluster.metadata.name);
    const isOwned = isOwnedByRetention(cluster);
    return [{ type: "createSecret", name, contents, labels, isOwned }];
  });
}

/** As `secretFaults`, and those that the operator has still to make. */
export function startFaults(observed: Observed): readonly string[] {
  const toMake = planSecrets(observed).flatMap((action) =>
    action.type === "createSecret" ? [`Secret ${action.name} is being made`] : [],
  );
  return [...secretFaults(observed), ...toMake];
}

/** What keeps pods from starting, in words that say what to do. Never what is in a Secret. */
export function secretFaults(observed: Observed): readonly string[] {
  const { cluster, secrets } = observed;
  return neededSecrets(cluster).flatMap(({ name, key, contents }) => {
    const live = secrets.get(name);
    if (live === undefined) {
      if (contents === "keyRing" && holdsValues(observed)) {
        return [
          `Secret ${name} with the keys of the stored values is gone: restore it, no other opens ` +
            "them (nodes that run still have its keys; none may restart before)",
        ];
      }
      return contents === null
        ? [`Secret ${name} of spec.encryption.secretName does not exist: make it, key ${key}`]
        : [];
    }
    if (!live.keys.includes(key)) return [`Secret ${name} has no key ${key}: add it`];
    return live.fault === null ? [] : [`Secret ${name}: ${live.fault}`];
  });
}
