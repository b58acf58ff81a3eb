/** Which of the nodes' answers to believe: about the cluster's id, its leader, its members. */
import type { ClusterStatus } from "@kvcluster/protocol";
import type { NodeView, Observed, ObservedClaim } from "../observed.ts";

/** What nodes that take part told of the store. */
function statusesOf(nodes: readonly NodeView[]): readonly ClusterStatus[] {
  return nodes.flatMap((node) => {
    if (node.type !== "answered" || node.status === null || node.phase === "removed") return [];
    return [node.status];
  });
}

export interface StoreViews {
  /** Recorded in the resource, or the one that all nodes tell; null: there is no store. */
  readonly clusterId: string | null;
  /** Ids that nodes tell, of which none is recorded and not all are one. */
  readonly conflict: readonly string[];
  /** What nodes of this cluster told. */
  readonly views: readonly ClusterStatus[];
  /** The leader's own answer; null when none is known for sure. */
  readonly leaderView: ClusterStatus | null;
  /** The answer that knows most. */
  readonly newestView: ClusterStatus | null;
}

/** Data of a KVCluster of this name that was deleted: they are gone in a moment. */
export const isGoing = ({ isDeleting, isDoomed }: ObservedClaim): boolean =>
  isDeleting || isDoomed === true;

/** Nodes on claims that stay: an id that goes with its data is none to remember. */
function lastingOf({ nodes, pods, claims }: Observed): readonly NodeView[] {
  const going = new Set(claims.filter(isGoing).map(({ ordinal }) => ordinal));
  const names = new Set(pods.filter(({ ordinal }) => going.has(ordinal)).map(({ name }) => name));
  return nodes.filter(({ pod }) => !names.has(pod));
}

export function storeViewsOf(observed: Observed): StoreViews {
  const { cluster, nodes } = observed;
  const recorded = cluster.status?.clusterId ?? null;
  const statuses = statusesOf(recorded === null ? lastingOf(observed) : nodes);
  const found = [...new Set(statuses.map(({ clusterId }) => clusterId))].sort();
  const clusterId = recorded ?? (found.length === 1 ? (found[0] ?? null) : null);
  const views = statuses.filter((status) => status.clusterId === clusterId);
  const newestView = [...views].sort(byKnowledge)[0] ?? null;
  const conflict = recorded === null && found.length > 1 ? found : [];
  return { clusterId, conflict, views, leaderView: findLeaderView(views), newestView };
}

const byKnowledge = ({ node: a }: ClusterStatus, { node: b }: ClusterStatus): number =>
  b.commitIndex - a.commitIndex || a.id - b.id;

/** A leader of an older term than somebody knows of may have been deposed: it is not believed. */
function findLeaderView(views: readonly ClusterStatus[]): ClusterStatus | null {
  const term = Math.max(0, ...views.map(({ node }) => node.term));
  return views.find(({ node }) => node.role === "leader" && node.term === term) ?? null;
}
