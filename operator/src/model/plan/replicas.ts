/**
 * How many pods the StatefulSet is to have: what is asked for, but never fewer than hold a member.
 * It shrinks only on the leader's word of who the members are.
 */

import { ordinalOf } from "../names.ts";
import type { Observed } from "../observed.ts";
import type { StoreViews } from "./store-views.ts";

export function replicasOf(observed: Observed, store: StoreViews): number {
  const { cluster, statefulSet } = observed;
  const wanted = cluster.spec.replicas;
  // Hibernation: every node goes, the members and their data stay.
  if (wanted === 0) return 0;
  if (store.leaderView !== null) return Math.max(wanted, firstFree(observed, namesIn(store)));
  const remembered = (cluster.status?.members ?? []).map(({ name }) => name);
  const floor = Math.max(wanted, firstFree(observed, [...namesIn(store), ...remembered]));
  // Claims of a cluster that was deleted hold its members: all of them have to start again.
  if (store.clusterId === null) return Math.max(floor, firstFreeClaim(observed));
  return Math.max(floor, statefulSet?.replicas ?? 0);
}

function namesIn({ leaderView, views }: StoreViews): readonly string[] {
  const told = leaderView === null ? views : [leaderView];
  return told.flatMap(({ members }) => members.map(({ name }) => name));
}

function firstFree({ cluster }: Observed, names: readonly string[]): number {
  const ordinals = names.map((name) => ordinalOf(cluster.metadata.name, name) ?? -1);
  return Math.max(-1, ...ordinals) + 1;
}

const firstFreeClaim = ({ claims }: Observed): number =>
  Math.max(-1, ...claims.map(({ ordinal }) => ordinal)) + 1;
