/**
 * How many pods the StatefulSet is to have: what is asked for, but never fewer than hold a member.
 * It shrinks only on the leader's word of who the members are; or to nothing, when asked to.
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
  const live = statefulSet?.replicas ?? 0;
  // Whoever has a claim may be a member that nobody remembers: of a cluster that was deleted, or
  // admitted just before the operator died. Before the store is known, and when pods are made
  // anyway, each of them starts.
  const isGrowing = floor > live;
  const isForAll = store.clusterId === null || isGrowing;
  return Math.max(floor, live, isForAll ? firstFreeClaim(observed) : 0);
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
