/** How each member of the store fares, by the leader's word, its own and its pod's. */
import type { ClusterMember } from "@kvcluster/protocol";
import type { KVCluster, MemberStatus } from "../api/types.ts";
import { ordinalOf } from "../names.ts";
import { CAUGHT_UP_LAG_MAX, LAGGING_LAG_MIN } from "./limits.ts";
import type { Place } from "./places.ts";
import type { StoreViews } from "./store-views.ts";

export interface MemberFact {
  readonly name: string;
  readonly nodeId: number;
  readonly isVoter: boolean;
  readonly isLeader: boolean;
  /** Null: no pod of this cluster can have its name. */
  readonly ordinal: number | null;
  readonly place: Place | null;
  /** As the store has them; null when only the status remembers this member. */
  readonly addresses: { readonly peer: string; readonly client: string } | null;
  /** Entries that it lacks and the leader has; null when no leader told. */
  readonly lag: number | null;
  /** Its pod stands under another identity, or under none: nobody is this member any more. */
  readonly isGhost: boolean;
  /** The leader has heard from it within the last election timeout. */
  readonly isHeard: boolean;
  /** It answers as this member and takes part in votes, whether or not it is ready. */
  readonly takesPart: boolean;
  /** … and it is ready, is not going away, and the leader hears it. */
  readonly isHealthy: boolean;
  readonly isCaughtUp: boolean;
  readonly health: MemberStatus["health"];
}

type Member = Omit<ClusterMember, "peerAddress" | "clientAddress"> &
  Partial<Pick<ClusterMember, "peerAddress" | "clientAddress">>;

/**
 * The leader's list, else what the status remembers of it: a follower's may be older. A follower
 * is believed only when nothing is remembered, as over the claims of a cluster that was deleted.
 */
export function membersOf(
  cluster: KVCluster,
  store: StoreViews,
  places: readonly Place[],
): readonly MemberFact[] {
  const remembered = rememberedMembers(cluster);
  const told = remembered.length > 0 ? remembered : (store.newestView?.members ?? []);
  const members: readonly Member[] = store.leaderView?.members ?? told;
  return members
    .map((member) => factOf(member, { cluster, store, places }))
    .sort((a, b) => (a.ordinal ?? -1) - (b.ordinal ?? -1) || a.nodeId - b.nodeId);
}

const rememberedMembers = ({ status }: KVCluster): readonly Member[] =>
  (status?.members ?? []).map(({ name, nodeId, role }) => ({
    id: nodeId,
    name,
    role: role === "learner" ? "learner" : "voter",
  }));

interface Surroundings {
  readonly cluster: KVCluster;
  readonly store: StoreViews;
  readonly places: readonly Place[];
}

function factOf(member: Member, { cluster, store, places }: Surroundings): MemberFact {
  const { name, id: nodeId, peerAddress, clientAddress } = member;
  const { leaderView } = store;
  const place = places.find((one) => one.name === name) ?? null;
  const node = place?.node?.type === "answered" ? place.node : null;
  const takesPart = place?.standing === "joined" && place.nodeId === nodeId;
  const isLeader = leaderView?.node.id === nodeId;
  const isHeard = isLeader || (leaderView !== null && member.healthy === true);
  const isStaying = place?.pod?.deletingUntil === null && node?.phase === "serving";
  const isHealthy = takesPart && isHeard && isStaying && node.isReady;
  const lag = lagOf(
    member,
    leaderView?.members.find(({ id }) => id === leaderView.node.id),
  );
  const hasAddresses = peerAddress !== undefined && clientAddress !== undefined;
  return {
    name,
    nodeId,
    isVoter: member.role === "voter",
    isLeader,
    ordinal: ordinalOf(cluster.metadata.name, name),
    place,
    addresses: hasAddresses ? { peer: peerAddress, client: clientAddress } : null,
    lag,
    isGhost: isGhost(place, nodeId),
    isHeard,
    takesPart,
    isHealthy,
    isCaughtUp: isHealthy && lag !== null && lag <= CAUGHT_UP_LAG_MAX,
    health: healthOf({ place, isHealthy, lag, isKnown: leaderView !== null }),
  };
}

function lagOf(member: Member, leader: Member | undefined): number | null {
  if (leader?.matchIndex === undefined || member.matchIndex === undefined) return null;
  return Math.max(0, leader.matchIndex - member.matchIndex);
}

/**
 * For a condition's message, by powers of ten: an exact figure would be another at each look, and
 * each would be a write of the status, whose echo is the next look.
 */
export function describeLag(lag: number): string {
  let bound = CAUGHT_UP_LAG_MAX;
  while (bound < lag) bound *= 10;
  return `up to ${bound} entries behind the leader`;
}

function isGhost(place: Place | null, nodeId: number): boolean {
  if (place === null) return false;
  if (place.standing === "blank" || place.standing === "removed") return true;
  return place.nodeId !== null && place.nodeId !== nodeId;
}

interface HealthSources {
  readonly place: Place | null;
  readonly isHealthy: boolean;
  readonly lag: number | null;
  /** A leader told about the members. */
  readonly isKnown: boolean;
}

function healthOf({ place, isHealthy, lag, isKnown }: HealthSources): MemberStatus["health"] {
  if (place?.standing === "corrupt") return "corrupt";
  if (isHealthy) return (lag ?? 0) > LAGGING_LAG_MIN ? "lagging" : "healthy";
  if (place?.standing === "joined" && !isKnown) return "unknown";
  return "unreachable";
}
