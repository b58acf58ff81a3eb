/**
 * Whether claims and generated Secrets go with the KVCluster, as `retention.whenDeleted` says: an
 * owner reference makes them go, none lets them stay.
 */
import type { Observed } from "../observed.ts";
import type { KubeAction } from "./action.ts";
import { isOwnedByRetention, neededSecrets } from "./secrets.ts";
import { isGoing } from "./store-views.ts";

export function planOwnership({ cluster, claims, secrets }: Observed): readonly KubeAction[] {
  const isOwned = isOwnedByRetention(cluster);
  const generated = neededSecrets(cluster).flatMap(({ name, contents }) =>
    contents === null ? [] : [name],
  );
  return [
    ...generated
      .filter((name) => {
        const live = secrets.get(name);
        return live !== undefined && (live.isOwned !== isOwned || live.isDoomed === true);
      })
      .map((name) => ({ type: "setOwned", kind: "Secret", name, isOwned }) as const),
    ...claims
      .filter((claim) => !isGoing(claim) && claim.isOwned !== isOwned)
      .map(
        ({ name }) => ({ type: "setOwned", kind: "PersistentVolumeClaim", name, isOwned }) as const,
      ),
  ];
}
