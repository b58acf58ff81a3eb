/** The complete status that an observation leads to. Equal to the live one when nothing changed. */
import type { KVClusterStatus, MemberStatus } from "../api/types.ts";
import { selectorLabels } from "../names.ts";
import { findAvailable } from "./available.ts";
import type { ChildrenPlan } from "./children-planner.ts";
import { toCondition } from "./condition.ts";
import { findDegraded } from "./degraded.ts";
import { type Facts, leaderOf } from "./facts.ts";
import type { MemberFact } from "./member-facts.ts";
import { findProgressing } from "./progressing.ts";
import { replacementsOf } from "./replacements.ts";
import type { StepsOutcome } from "./steps.ts";

export interface StatusSources {
  readonly outcome: StepsOutcome;
  readonly children: ChildrenPlan;
  readonly image: string;
}

export function statusOf(facts: Facts, sources: StatusSources): KVClusterStatus {
  const { cluster, clusterId, members, now, spec, statefulSet, places } = facts;
  const told = { live: cluster.status ?? {}, generation: cluster.metadata.generation, now };
  const { outcome, children, image } = sources;
  const available = findAvailable(facts);
  const progressing = findProgressing(facts, outcome, children);
  const degraded = findDegraded(facts, { available, outcome, children });
  const version = versionOf(facts);
  const leader = leaderOf(facts);
  const replacements = replacementsOf(facts);
  const readyReplicas = places.filter(({ pod }) => pod?.isReady === true).length;
  return {
    observedGeneration: told.generation,
    conditions: [
      toCondition("Available", available, told),
      toCondition("Progressing", progressing, told),
      toCondition("Degraded", degraded, told),
    ],
    ...(clusterId === null ? {} : { clusterId }),
    image,
    ...(version === null ? {} : { currentVersion: version }),
    ...(leader === null ? {} : { leader: leader.name }),
    members: members.map((member) => toMemberStatus(facts, member)),
    memberCount: members.length,
    replicas: statefulSet?.replicas ?? 0,
    readyReplicas,
    ready: `${readyReplicas}/${spec.replicas}`,
    selector: Object.entries(selectorLabels(cluster.metadata.name))
      .map(([label, value]) => `${label}=${value}`)
      .join(","),
    ...(replacements.length === 0 ? {} : { replacements }),
  };
}

function toMemberStatus({ cluster }: Facts, member: MemberFact): MemberStatus {
  const { name, nodeId, isVoter, isLeader, health, place } = member;
  const told = place?.node?.type === "answered" ? place.node.version : null;
  const before = cluster.status?.members?.find((one) => one.nodeId === nodeId)?.version;
  const version = told ?? before ?? null;
  return {
    name,
    nodeId,
    role: isLeader ? "leader" : isVoter ? "voter" : "learner",
    health,
    ...(version === null ? {} : { version }),
  };
}

/** The version that all nodes have; in between, the one that they had before. */
function versionOf({ cluster, places }: Facts): string | null {
  const versions = places.flatMap(({ node, pod }) =>
    pod !== null && node?.type === "answered" && node.version !== null ? [node.version] : [],
  );
  const isOne = versions.length > 0 && new Set(versions).size === 1;
  return isOne ? (versions[0] ?? null) : (cluster.status?.currentVersion ?? null);
}
