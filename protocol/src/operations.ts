/** Answers of the routes that operators and probes use: status, state hash, health. */
import Type from "typebox";
import type { NodeRole } from "./cluster.ts";
import { type JsonSchema, schemaOf } from "./schema.ts";

/** Where a node is in its life. */
export type NodePhase = "blank" | "starting" | "serving" | "draining" | "removed" | "corrupt";

const phaseField = Type.Union([
  Type.Literal("blank"),
  Type.Literal("starting"),
  Type.Literal("serving"),
  Type.Literal("draining"),
  Type.Literal("removed"),
  Type.Literal("corrupt"),
]);

/** Answer to `GET /v1/status`: this node, with its effective configuration, secrets masked. */
export interface NodeStatus {
  readonly name: string;
  readonly version: string;
  readonly phase: NodePhase;
  readonly uptimeSeconds: number;
  /** null while blank. */
  readonly clusterId: string | null;
  readonly logBytes: number;
  readonly stateBytes: number;
  readonly keys: number;
  readonly revision: number;
  readonly compactRevision: number;
  /** Setting path → value, as the configuration reference names them. */
  readonly config: { readonly [setting: string]: unknown };
}
export const nodeStatusSchema: JsonSchema<NodeStatus> = schemaOf<NodeStatus>()(
  Type.Object(
    {
      name: Type.String(),
      version: Type.String({ description: "Version of KVCluster" }),
      phase: phaseField,
      uptimeSeconds: Type.Number(),
      clusterId: Type.Union([Type.String(), Type.Null()]),
      logBytes: Type.Integer(),
      stateBytes: Type.Integer(),
      keys: Type.Integer({ description: "Keys that exist" }),
      revision: Type.Integer(),
      compactRevision: Type.Integer(),
      config: Type.Record(Type.String(), Type.Unknown(), {
        description: "Effective configuration, secrets masked",
      }),
    },
    { title: "NodeStatus" },
  ),
);

/** Answer to `GET /v1/maintenance/hash`: equal hashes at equal indexes are equal states. */
export interface StateHash {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly revision: number;
  readonly compactRevision: number;
  readonly keys: number;
  /** Rolling CRC-32 of every effect since bootstrap, 8 hexadecimal digits. */
  readonly hash: string;
}
export const stateHashSchema: JsonSchema<StateHash> = schemaOf<StateHash>()(
  Type.Object(
    {
      appliedIndex: Type.Integer(),
      appliedTerm: Type.Integer(),
      revision: Type.Integer(),
      compactRevision: Type.Integer(),
      keys: Type.Integer(),
      hash: Type.String({ pattern: "^[0-9a-f]{8}$", description: "Rolling CRC-32 of all effects" }),
    },
    { title: "StateHash" },
  ),
);

/** One named part of a health answer. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why not, or a figure; may be empty. */
  readonly detail: string;
}
const healthChecksField = Type.Array(
  Type.Object({ name: Type.String(), ok: Type.Boolean(), detail: Type.String() }),
);

/** Answer to `GET /livez` and `GET /startupz`; 503 when `ok` is false. */
export interface Health {
  readonly ok: boolean;
  readonly node: string;
  /** With `?verbose`. */
  readonly checks?: readonly HealthCheck[];
}
export const healthSchema: JsonSchema<Health> = schemaOf<Health>()(
  Type.Object(
    { ok: Type.Boolean(), node: Type.String(), checks: Type.Optional(healthChecksField) },
    { title: "Health" },
  ),
);

/** Answer to `GET /readyz`; 503 when not ready. Needs no token, so that balancers can use it. */
export interface Readiness {
  readonly ready: boolean;
  /** Name of the node that answers. */
  readonly node: string;
  /** null while it has no identity. */
  readonly role: NodeRole | null;
  readonly phase: NodePhase;
  readonly leader: { readonly name: string; readonly clientAddress: string } | null;
  /** Why it is not ready; empty when it is. */
  readonly reasons: readonly string[];
  /** With `?verbose`. */
  readonly checks?: readonly HealthCheck[];
}
export const readinessSchema: JsonSchema<Readiness> = schemaOf<Readiness>()(
  Type.Object(
    {
      ready: Type.Boolean(),
      node: Type.String({ description: "Name of the node that answers" }),
      role: Type.Union([
        Type.Literal("leader"),
        Type.Literal("follower"),
        Type.Literal("candidate"),
        Type.Literal("learner"),
        Type.Null(),
      ]),
      phase: phaseField,
      leader: Type.Union([
        Type.Object({ name: Type.String(), clientAddress: Type.String() }),
        Type.Null(),
      ]),
      reasons: Type.Array(Type.String(), { description: "Why it is not ready" }),
      checks: Type.Optional(healthChecksField),
    },
    { title: "Readiness" },
  ),
);
