/**
 * PodDisruptionBudget: how many nodes an eviction (a drain, an autoscaler) may take at once.
 *
 * Written as maxUnavailable, counted from the voters. minAvailable = majority would be wrong while
 * there are learners: a ready learner would count for a voter, and two of three voters could go.
 * maxUnavailable is taken from all pods that the StatefulSet wants, so a learner that is not ready
 * uses up the budget instead of adding to it.
 */
import { childNames, selectorLabels } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";

/**
 * Nodes that may be away by the hand of an eviction.
 *
 * - 3 voters: 1, 4: 1, 5: 2, 7: 3: as many as leave a majority. Five nodes are for a drain that
 *   goes on although one node is down already.
 * - 1 or 2 voters, and that is what the spec asks for: 1. The quorum does not survive, but with 0
 *   no Kubernetes node with such a pod could ever be drained; whoever runs so few has accepted a
 *   pause, and the data is on the claim.
 * - 1 or 2 voters on the way to another number: 0. It is over in seconds, and the leader alone
 *   holds what was written.
 * - No voter yet: all. Nodes are not ready before there is a store, and there is nothing to lose.
 */
export function evictionsMax(voters: number, replicas: number): number | "100%" {
  if (voters === 0) return "100%";
  const spare = Math.floor((voters - 1) / 2);
  return voters === replicas ? Math.max(1, spare) : spare;
}

export const buildPodDisruptionBudget = ({ cluster, voters }: DesiredInputs): KubeObject => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: childMetadata(cluster, childNames(cluster.metadata.name).podDisruptionBudget),
  spec: {
    selector: { matchLabels: selectorLabels(cluster.metadata.name) },
    maxUnavailable: evictionsMax(voters, cluster.spec.replicas),
    // Not AlwaysAllow: nodes that are not ready during an election still hold votes and data, and
    // evicting them all at once would turn a pause into a lost quorum.
    unhealthyPodEvictionPolicy: "IfHealthyBudget",
  },
});
