/** How members of the cluster are shown and found. Pure. */
import type { ClusterMember, ClusterStatus, MemberInfo } from "@kvcluster/protocol";
import { type Member, type RaftStatus, toNodeId } from "../raft/index.ts";
import type { Identity as NodeIdentity, ReplicaStatus } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";

/** A member as the configuration has it. */
export const toMemberInfo = ({
  id,
  name,
  role,
  peerAddress,
  clientAddress,
}: Member): MemberInfo => ({
  id,
  name,
  role,
  peerAddress,
  clientAddress,
});

/** All members, with what a leader knows of them. */
export function listMembers(raft: RaftStatus): readonly ClusterMember[] {
  return raft.configuration.members.map((member) => {
    const info = toMemberInfo(member);
    if (raft.role !== "leader") return info;
    if (member.id === raft.id) return { ...info, matchIndex: raft.persistedIndex, healthy: true };
    const progress = raft.progress.find(({ id }) => id === member.id);
    if (progress === undefined) return { ...info, healthy: false };
    return { ...info, matchIndex: progress.matchIndex, healthy: progress.recentActive };
  });
}

/** The leader as this node knows it. */
export function leaderOf(raft: RaftStatus): { readonly id: number; readonly name: string } | null {
  const leader = raft.configuration.members.find(({ id }) => id === raft.leader);
  return leader === undefined ? null : { id: leader.id, name: leader.name };
}

/** `GET /v1/cluster`. */
export function clusterStatus(identity: NodeIdentity, status: ReplicaStatus): ClusterStatus {
  const { raft, state } = status;
  return {
    clusterId: identity.clusterId,
    node: {
      id: identity.nodeId,
      name: identity.name,
      role: raft.role,
      term: raft.term,
      appliedIndex: state.appliedIndex,
      commitIndex: raft.commitIndex,
      revision: state.revision,
    },
    leader: leaderOf(raft),
    members: listMembers(raft),
  };
}

/** The member with this id or name. @throws ApiError MEMBER_NOT_FOUND */
export function findMember(raft: RaftStatus, idOrName: string): Member {
  const found = raft.configuration.members.find(
    ({ id, name }) => String(id) === idOrName || name === idOrName,
  );
  if (found !== undefined) return found;
  throw new ApiError("MEMBER_NOT_FOUND", `the cluster has no member ${JSON.stringify(idOrName)}`);
}

const parsesAsBaseUrl = (text: string): boolean => {
  if (!/^https?:\/\/[^/?#@\s]+$/.test(text)) return false;
  return URL.canParse(text);
};

/** @throws ApiError INVALID_BODY */
export function checkAddresses(addresses: {
  readonly peerAddress: string;
  readonly clientAddress: string;
}): void {
  const { peerAddress, clientAddress } = addresses;
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(peerAddress)?.[1];
  if (port === undefined || Number(port) === 0 || Number(port) > 65_535) {
    throw new ApiError("INVALID_BODY", "/peerAddress must be host:port");
  }
  if (!parsesAsBaseUrl(clientAddress)) {
    throw new ApiError(
      "INVALID_BODY",
      "/clientAddress must be a base URL such as http://host:5000",
    );
  }
}

/** A member as a join body tells of it. @throws ApiError INVALID_BODY */
export function readMember(info: MemberInfo): Member {
  checkAddresses(info);
  return { ...info, id: toNodeId(info.id) };
}
