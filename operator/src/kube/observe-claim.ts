/** A live PersistentVolumeClaim as `plan` sees it. */
import { claimTemplate, type KVCluster, type ObservedClaim, ordinalOf } from "../model/index.ts";
import { at, isOwnedBy, isOwnedByEarlier, type LiveObject, textOf, timeOf } from "./decode-json.ts";

const PHASES: readonly ObservedClaim["phase"][] = ["Pending", "Bound", "Lost"];

/** Null for a claim that carries the labels but is of no pod. */
export function observeClaim(cluster: KVCluster, claim: LiveObject): ObservedClaim | null {
  const { name, uid, creationTimestamp, deletionTimestamp } = claim.metadata;
  const prefix = `${claimTemplate}-`;
  const pod = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  const ordinal = ordinalOf(cluster.metadata.name, pod);
  if (ordinal === null) return null;
  const status = claim["status"];
  const owner = cluster.metadata.uid;
  return {
    name,
    ordinal,
    uid,
    phase: PHASES.find((phase) => phase === at(status, "phase")) ?? "Pending",
    requested: textOf(at(claim, "spec", "resources", "requests", "storage")) ?? "",
    capacity: textOf(at(status, "capacity", "storage")),
    isDeleting: deletionTimestamp !== undefined,
    isOwned: isOwnedBy(claim.metadata, owner),
    isDoomed: isOwnedByEarlier(claim.metadata, owner),
    createdAt: timeOf(creationTimestamp) ?? 0,
  };
}
