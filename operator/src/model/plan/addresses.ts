/**
 * Members are reached by the names that the headless Service gives their pods. Data that come from
 * a KVCluster of another namespace or name are taken along by changing the addresses.
 */
import { memberAddresses, ordinalOf } from "../names.ts";
import { event, type Step } from "./step.ts";

export const addresses: Step = ({ leaderView, members, cluster }) => {
  if (leaderView === null) return null;
  const { name: clusterName } = cluster.metadata;
  for (const { name, nodeId, addresses: known } of members) {
    if (ordinalOf(clusterName, name) === null || known === null) continue;
    const { peerAddress, clientAddress } = memberAddresses(cluster.metadata, name);
    if (known.peer === peerAddress && known.client === clientAddress) continue;
    const message = `${name} (node ${nodeId}) moves from ${known.peer} to ${peerAddress}`;
    return {
      type: "act",
      reason: "Repairing",
      message,
      actions: [{ type: "updateAddresses", member: name, nodeId }],
      events: [event("ReaddressingMember", message)],
    };
  }
  return null;
};
