/** Requests and answers of the cluster routes: status, membership, leadership. */
import Type from "typebox";
import { memberNamePattern } from "./limits.ts";
import { type JsonSchema, schemaOf } from "./schema.ts";

export type MemberRole = "voter" | "learner";
export type NodeRole = "leader" | "follower" | "candidate" | "learner";

const nodeIdField = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: "Unique for the life of the cluster",
});
const nameField = Type.String({ pattern: memberNamePattern.source, description: "A DNS label" });
const peerAddressField = Type.String({
  minLength: 1,
  maxLength: 262,
  description: "host:port of the peer listener",
});
const clientAddressField = Type.String({
  minLength: 1,
  maxLength: 270,
  description: "Base URL of the HTTP listener",
});
const clusterIdField = Type.String({
  pattern: "^[0-9a-f]{32}$",
  description: "32 hexadecimal digits",
});
const memberRoleField = Type.Union([Type.Literal("voter"), Type.Literal("learner")]);
const indexField = Type.Integer({ minimum: 0, description: "Log index" });
const plainMemberFields = {
  id: nodeIdField,
  name: nameField,
  role: memberRoleField,
  peerAddress: peerAddressField,
  clientAddress: clientAddressField,
};

/** A member as the configuration has it. */
export interface MemberInfo {
  readonly id: number;
  readonly name: string;
  readonly role: MemberRole;
  /** `host:port` */
  readonly peerAddress: string;
  /** `http://host:port` */
  readonly clientAddress: string;
}

/** A member with what the leader knows of it. */
export interface ClusterMember extends MemberInfo {
  /** Highest log index known durable there; on the leader's answer only. */
  readonly matchIndex?: number;
  /** Heard from within the last election timeout; on the leader's answer only. */
  readonly healthy?: boolean;
}
const clusterMemberFields = {
  ...plainMemberFields,
  matchIndex: Type.Optional(
    Type.Integer({ description: "Highest index known durable there; the leader's answer only" }),
  ),
  healthy: Type.Optional(
    Type.Boolean({ description: "Heard from lately; the leader's answer only" }),
  ),
};

/** Answer to `GET /v1/cluster`: how this node sees the cluster. */
export interface ClusterStatus {
  readonly clusterId: string;
  readonly node: {
    readonly id: number;
    readonly name: string;
    readonly role: NodeRole;
    readonly term: number;
    readonly appliedIndex: number;
    readonly commitIndex: number;
    readonly revision: number;
  };
  readonly leader: { readonly id: number; readonly name: string } | null;
  readonly members: readonly ClusterMember[];
}
export const clusterStatusSchema: JsonSchema<ClusterStatus> = schemaOf<ClusterStatus>()(
  Type.Object(
    {
      clusterId: clusterIdField,
      node: Type.Object({
        id: nodeIdField,
        name: nameField,
        role: Type.Union([
          Type.Literal("leader"),
          Type.Literal("follower"),
          Type.Literal("candidate"),
          Type.Literal("learner"),
        ]),
        term: Type.Integer({ minimum: 0 }),
        appliedIndex: indexField,
        commitIndex: indexField,
        revision: Type.Integer({ minimum: 0, description: "The store's revision" }),
      }),
      leader: Type.Union([Type.Object({ id: nodeIdField, name: nameField }), Type.Null()]),
      members: Type.Array(Type.Object(clusterMemberFields)),
    },
    { title: "ClusterStatus" },
  ),
);

/** Answer to `GET /v1/cluster/members`. */
export interface MemberList {
  readonly members: readonly ClusterMember[];
}
export const memberListSchema: JsonSchema<MemberList> = schemaOf<MemberList>()(
  Type.Object({ members: Type.Array(Type.Object(clusterMemberFields)) }, { title: "MemberList" }),
);

/** Answer to bootstrap and join: who the node is from now on. */
export interface NodeIdentity {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly name: string;
}
export const nodeIdentitySchema: JsonSchema<NodeIdentity> = schemaOf<NodeIdentity>()(
  Type.Object(
    { clusterId: clusterIdField, nodeId: nodeIdField, name: nameField },
    { title: "NodeIdentity" },
  ),
);

/** Body of `POST /v1/cluster/join`: as the answer to adding the member gave it. */
export interface JoinBody {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly members: readonly MemberInfo[];
}
export const joinBodySchema: JsonSchema<JoinBody> = schemaOf<JoinBody>()(
  Type.Object(
    {
      clusterId: clusterIdField,
      nodeId: nodeIdField,
      members: Type.Array(Type.Object(plainMemberFields, { additionalProperties: false }), {
        minItems: 1,
        maxItems: 64,
      }),
    },
    { title: "JoinBody", additionalProperties: false },
  ),
);

/** Body of `POST /v1/cluster/members`: admit a node as a learner. */
export interface AddMemberBody {
  readonly name: string;
  readonly peerAddress: string;
  readonly clientAddress: string;
}
export const addMemberBodySchema: JsonSchema<AddMemberBody> = schemaOf<AddMemberBody>()(
  Type.Object(
    { name: nameField, peerAddress: peerAddressField, clientAddress: clientAddressField },
    { title: "AddMemberBody", additionalProperties: false },
  ),
);

/**
 * Answer to `POST /v1/cluster/members`. Its `clusterId`, `nodeId` and `members` are the body of the
 * new node's join.
 */
export interface AddMemberAnswer extends JoinBody {
  /** Log index of the change. */
  readonly index: number;
}
export const addMemberAnswerSchema: JsonSchema<AddMemberAnswer> = schemaOf<AddMemberAnswer>()(
  Type.Object(
    {
      index: indexField,
      clusterId: clusterIdField,
      nodeId: nodeIdField,
      members: Type.Array(Type.Object(plainMemberFields)),
    },
    { title: "AddMemberAnswer" },
  ),
);

/** Body of `PATCH /v1/cluster/members/{id}`: at least one address; the other stays. */
export interface MemberAddressesBody {
  readonly peerAddress?: string;
  readonly clientAddress?: string;
}
export const memberAddressesBodySchema: JsonSchema<MemberAddressesBody> =
  schemaOf<MemberAddressesBody>()(
    Type.Object(
      {
        peerAddress: Type.Optional(peerAddressField),
        clientAddress: Type.Optional(clientAddressField),
      },
      { title: "MemberAddressesBody", additionalProperties: false, minProperties: 1 },
    ),
  );

/** Answer to promote, demote, remove and address changes: the change is committed and applied. */
export interface ChangeAnswer {
  /** Log index of the change. */
  readonly index: number;
}
export const changeAnswerSchema: JsonSchema<ChangeAnswer> = schemaOf<ChangeAnswer>()(
  Type.Object({ index: indexField }, { title: "ChangeAnswer" }),
);

/** Body of `POST /v1/cluster/leader`: hand leadership to `target`, or to the best voter. */
export interface TransferBody {
  /** Id or name of a voter. */
  readonly target?: number | string;
}
export const transferBodySchema: JsonSchema<TransferBody> = schemaOf<TransferBody>()(
  Type.Object(
    {
      target: Type.Optional(
        Type.Union([nodeIdField, nameField], { description: "Id or name of a voter" }),
      ),
    },
    { title: "TransferBody", additionalProperties: false },
  ),
);

/** Answer to a transfer and to drain. */
export interface LeaderAnswer {
  /** The leader as this node knows it afterwards. */
  readonly leader: { readonly id: number; readonly name: string } | null;
}
export const leaderAnswerSchema: JsonSchema<LeaderAnswer> = schemaOf<LeaderAnswer>()(
  Type.Object(
    { leader: Type.Union([Type.Object({ id: nodeIdField, name: nameField }), Type.Null()]) },
    { title: "LeaderAnswer" },
  ),
);
