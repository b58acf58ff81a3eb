/**
 * What follows from one observation, derived once: who leads, who the members are and how each
 * fares, what stands at each ordinal. Steps and conditions read this, never `Observed`.
 */
import type { ClusterStatus } from "@kvcluster/protocol";
import type { KVCluster, KVClusterSpec } from "../api/types.ts";
import type { Observed, ObservedStatefulSet } from "../observed.ts";
import { type MemberFact, membersOf } from "./member-facts.ts";
import { type Place, placesOf } from "./places.ts";
import { replicasOf } from "./replicas.ts";
import { startFaults } from "./secrets.ts";
import { storeViewsOf } from "./store-views.ts";

export interface Quorum {
  readonly voters: number;
  readonly healthy: number;
  /** A majority of `voters`. */
  readonly needed: number;
}

export interface Facts {
  readonly cluster: KVCluster;
  readonly spec: KVClusterSpec;
  /** ms since the epoch. */
  readonly now: number;
  /** False in a plan that is made before the nodes were asked. */
  readonly isSurveyed: boolean;
  /** Recorded, or found on the nodes; null: there is no store yet. */
  readonly clusterId: string | null;
  /** Nodes tell of more than one cluster, and none is recorded. */
  readonly conflictingIds: readonly string[];
  /** The leader's own answer; null when none is known for sure. */
  readonly leaderView: ClusterStatus | null;
  /** By ordinal. The leader's answer, else what the status remembers of it. */
  readonly members: readonly MemberFact[];
  readonly quorum: Quorum;
  /** Ordinals with a pod or a claim, ascending. */
  readonly places: readonly Place[];
  readonly statefulSet: ObservedStatefulSet | null;
  /** Revision that every pod should have; null while the controller has not told it. */
  readonly updateRevision: string | null;
  /** Secrets without which a pod that starts now would hang, in words. */
  readonly startFaults: readonly string[];
  /** Replicas that the StatefulSet is to have. */
  readonly replicas: number;
}

export const quorumOf = (voters: number): number => Math.floor(voters / 2) + 1;

export function factsOf(observed: Observed): Facts {
  const { cluster, statefulSet } = observed;
  const store = storeViewsOf(observed);
  const places = placesOf(observed, store);
  const members = membersOf(cluster, store, places);
  return {
    cluster,
    spec: cluster.spec,
    now: observed.now,
    isSurveyed: observed.nodes.length > 0 || observed.pods.every(({ ip }) => ip === null),
    clusterId: store.clusterId,
    conflictingIds: store.conflict,
    leaderView: store.leaderView,
    members,
    quorum: countQuorum(members),
    places,
    statefulSet,
    updateRevision: revisionOf(statefulSet),
    startFaults: startFaults(observed),
    replicas: replicasOf(observed, store),
  };
}

/** Among `members`, by the health of each voter. */
export function countQuorum(members: readonly MemberFact[]): Quorum {
  const voters = members.filter(({ isVoter }) => isVoter);
  const healthy = voters.filter(({ isHealthy }) => isHealthy).length;
  return { voters: voters.length, healthy, needed: quorumOf(voters.length) };
}

/** Whether the voters that stay are a healthy majority of themselves without this member. */
export function isSafeWithout({ members }: Facts, removed: MemberFact): boolean {
  const rest = countQuorum(members.filter(({ nodeId }) => nodeId !== removed.nodeId));
  return rest.voters > 0 && rest.healthy >= rest.needed;
}

function revisionOf(statefulSet: ObservedStatefulSet | null): string | null {
  if (statefulSet === null || statefulSet.isDeleting) return null;
  const isSeen = statefulSet.observedGeneration >= statefulSet.generation;
  return isSeen ? statefulSet.updateRevision : null;
}

/** Ordinals that the spec asks for. */
export const isWanted = ({ spec }: Facts, ordinal: number): boolean => ordinal < spec.replicas;

export const memberAt = ({ members }: Facts, place: Place): MemberFact | null =>
  members.find(({ name }) => name === place.name) ?? null;

export const isOutdated = ({ updateRevision }: Facts, { pod }: Place): boolean =>
  updateRevision !== null && pod !== null && pod.revision !== updateRevision;

export const leaderOf = ({ members }: Facts): MemberFact | null =>
  members.find(({ isLeader }) => isLeader) ?? null;

/** `2 of 3 voters are healthy, 2 are needed` */
export const describeQuorum = ({ voters, healthy, needed }: Quorum): string =>
  `${healthy} of ${voters} voters are healthy, ${needed} are needed`;
