/** Membership and leadership. Every route works on any node: the replica forwards to the leader. */
import {
  addMemberAnswerSchema,
  addMemberBodySchema,
  changeAnswerSchema,
  clusterStatusSchema,
  joinBodySchema,
  leaderAnswerSchema,
  memberAddressesBodySchema,
  memberListSchema,
  nodeIdentitySchema,
  transferBodySchema,
} from "@kvcluster/protocol";
import { type MembershipChange, type NodeId, toClusterId, toNodeId } from "../raft/index.ts";
import type { Identity as NodeIdentity, NodeService, ReplicaService } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";
import { type ApiContext, servingReplica } from "./context.ts";
import { jsonReader } from "./json-body.ts";
import {
  checkAddresses,
  clusterStatus,
  findMember,
  leaderOf,
  listMembers,
  readMember,
  toMemberInfo,
} from "./membership.ts";
import { timeoutParameters } from "./parameter-docs.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  type Method,
  type ParameterDoc,
  type Plan,
  planOf,
  type Route,
  type RouteDoc,
} from "./route.ts";

const readJoin = jsonReader(joinBodySchema);
const readAddMember = jsonReader(addMemberBodySchema);
const readMemberAddresses = jsonReader(memberAddressesBodySchema);
const readTransfer = jsonReader(transferBodySchema, { emptyMeans: {} });

/** @throws ApiError NOT_BOOTSTRAPPED */
function identityOf(node: NodeService): NodeIdentity {
  const identity = node.identity();
  if (identity === null) throw new ApiError("NOT_BOOTSTRAPPED", "this node has no identity yet");
  return identity;
}

const answerIdentity = ({ clusterId, nodeId, name }: NodeIdentity): Answer =>
  jsonAnswer({ clusterId, nodeId, name });

const change = (
  replica: ReplicaService,
  wanted: MembershipChange,
  deadlineMs: number,
): Promise<number> => replica.admin({ type: "changeMembership", change: wanted }, deadlineMs);

function planStatus(_call: Call, { node }: ApiContext): Plan {
  return planOf("admin", async () =>
    jsonAnswer(clusterStatus(identityOf(node), servingReplica(node).status())),
  );
}

function planMembers(_call: Call, { node }: ApiContext): Plan {
  return planOf("admin", async () =>
    jsonAnswer({ members: listMembers(servingReplica(node).status().raft) }),
  );
}

function planBootstrap(_call: Call, { node }: ApiContext): Plan {
  return planOf("admin", async () => answerIdentity(await node.bootstrap()));
}

function planJoin(call: Call, { node }: ApiContext): Plan {
  const body = readJoin(call);
  const request = {
    clusterId: toClusterId(body.clusterId),
    nodeId: toNodeId(body.nodeId),
    members: body.members.map(readMember),
  };
  return planOf("admin", async () => answerIdentity(await node.join(request)));
}

function planAddMember(call: Call, { node }: ApiContext): Plan {
  const body = readAddMember(call);
  checkAddresses(body);
  return planOf("admin", async () => {
    const replica = servingReplica(node);
    const index = await change(replica, { type: "addLearner", ...body }, call.deadlineMs);
    // A node's id is the index of the entry that admitted it. On a follower that entry may not have
    // arrived yet, so the new member is added to what is known here.
    const known = replica.status().raft.configuration.members.map(toMemberInfo);
    const added = { id: index, role: "learner", ...body } as const;
    const members = [...known.filter(({ id }) => id !== index), added];
    return jsonAnswer(
      { index, clusterId: identityOf(node).clusterId, nodeId: index, members },
      201,
    );
  });
}

/** A change of the member that the path names. */
const planChange =
  (toChange: (nodeId: NodeId) => MembershipChange) =>
  (call: Call, { node }: ApiContext): Plan =>
    planOf("admin", async () => {
      const replica = servingReplica(node);
      const { id } = findMember(replica.status().raft, call.params["id"] ?? "");
      return jsonAnswer({ index: await change(replica, toChange(id), call.deadlineMs) });
    });

function planAddresses(call: Call, { node }: ApiContext): Plan {
  const body = readMemberAddresses(call);
  return planOf("admin", async () => {
    const replica = servingReplica(node);
    const member = findMember(replica.status().raft, call.params["id"] ?? "");
    const addresses = {
      peerAddress: body.peerAddress ?? member.peerAddress,
      clientAddress: body.clientAddress ?? member.clientAddress,
    };
    checkAddresses(addresses);
    const wanted = { type: "updateAddresses", nodeId: member.id, ...addresses } as const;
    return jsonAnswer({ index: await change(replica, wanted, call.deadlineMs) });
  });
}

function planTransfer(call: Call, { node }: ApiContext): Plan {
  const { target } = readTransfer(call);
  return planOf("admin", async () => {
    const replica = servingReplica(node);
    const { raft } = replica.status();
    const id = target === undefined ? null : findMember(raft, String(target)).id;
    await replica.admin({ type: "transferLeadership", target: id }, call.deadlineMs);
    return jsonAnswer({ leader: leaderOf(replica.status().raft) });
  });
}

function planDrain(_call: Call, { node }: ApiContext): Plan {
  return planOf("admin", async () => {
    await node.drain();
    const replica = node.replica();
    return jsonAnswer({ leader: replica === null ? null : leaderOf(replica.status().raft) });
  });
}

const memberParameter: ParameterDoc = {
  name: "id",
  in: "path",
  description: "Id or name of a member",
  type: "string",
};

interface Definition {
  readonly method: Method;
  readonly path: string;
  readonly body: Route["body"];
  readonly doc: RouteDoc;
  readonly plan: Route["plan"];
}

const adminRoute = ({ method, path, body, doc, plan }: Definition): Route => {
  const own = path.includes("{id}") ? [memberParameter] : [];
  return {
    method,
    path,
    access: "admin",
    body,
    mutates: method !== "GET",
    query: [],
    doc: { ...doc, parameters: [...own, ...timeoutParameters] },
    plan,
  };
};

/** The routes of `/v1/cluster`. */
export const clusterRoutes: readonly Route[] = [
  adminRoute({
    method: "GET",
    path: "/v1/cluster",
    body: "none",
    doc: { summary: "The cluster as this node sees it", answers: { 200: clusterStatusSchema } },
    plan: planStatus,
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/bootstrap",
    body: "none",
    doc: {
      summary: "Make a one-member cluster of this blank node",
      answers: { 200: nodeIdentitySchema },
    },
    plan: planBootstrap,
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/join",
    body: "json",
    doc: {
      summary: "Give this blank node the identity that a cluster admitted",
      requestBody: joinBodySchema,
      answers: { 200: nodeIdentitySchema },
    },
    plan: planJoin,
  }),
  adminRoute({
    method: "GET",
    path: "/v1/cluster/members",
    body: "none",
    doc: { summary: "The members", answers: { 200: memberListSchema } },
    plan: planMembers,
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/members",
    body: "json",
    doc: {
      summary: "Admit a node as a learner; the answer is the body of its join",
      requestBody: addMemberBodySchema,
      answers: { 201: addMemberAnswerSchema },
    },
    plan: planAddMember,
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/members/{id}/promote",
    body: "none",
    doc: { summary: "Make a caught-up learner a voter", answers: { 200: changeAnswerSchema } },
    plan: planChange((nodeId) => ({ type: "promote", nodeId })),
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/members/{id}/demote",
    body: "none",
    doc: { summary: "Make a voter a learner", answers: { 200: changeAnswerSchema } },
    plan: planChange((nodeId) => ({ type: "demote", nodeId })),
  }),
  adminRoute({
    method: "DELETE",
    path: "/v1/cluster/members/{id}",
    body: "none",
    doc: { summary: "Remove a member for good", answers: { 200: changeAnswerSchema } },
    plan: planChange((nodeId) => ({ type: "remove", nodeId })),
  }),
  adminRoute({
    method: "PATCH",
    path: "/v1/cluster/members/{id}",
    body: "json",
    doc: {
      summary: "Change where a member is reached",
      requestBody: memberAddressesBodySchema,
      answers: { 200: changeAnswerSchema },
    },
    plan: planAddresses,
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/leader",
    body: "json",
    doc: {
      summary: "Hand leadership to a voter, or to the best one",
      requestBody: transferBodySchema,
      answers: { 200: leaderAnswerSchema },
    },
    plan: planTransfer,
  }),
  adminRoute({
    method: "POST",
    path: "/v1/cluster/drain",
    body: "none",
    doc: {
      summary: "Hand leadership over and fail readiness; requests are still served",
      answers: { 200: leaderAnswerSchema },
    },
    plan: planDrain,
  }),
];
