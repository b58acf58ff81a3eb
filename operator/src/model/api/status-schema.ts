/** Schema of `status`, which the operator alone writes. */
import { type JsonSchema, schemaOf } from "@kvcluster/protocol";
import Type, { type TInteger, type TString } from "typebox";
import { list, oneOf } from "./fields.ts";
import type { Condition, KVClusterStatus, MemberStatus } from "./types.ts";

const said = (description: string, max = 253): TString =>
  Type.String({ description, maxLength: max });
const count = (description: string): TInteger => Type.Integer({ description, minimum: 0 });
const time = (description: string): TString =>
  Type.String({ description, format: "date-time", maxLength: 64 });

const condition: JsonSchema<Condition> = schemaOf<Condition>()(
  Type.Object({
    type: oneOf("Available, Progressing or Degraded.", {
      values: ["Available", "Progressing", "Degraded"],
    }),
    status: oneOf("Whether it holds.", { values: ["True", "False", "Unknown"] }),
    reason: said("Why, in one word; see the list of conditions.", 1024),
    message: said("Why, for people, with numbers.", 32_768),
    observedGeneration: count("Generation of the spec that was judged."),
    lastTransitionTime: time("When `status` changed."),
  }),
);

const member: JsonSchema<MemberStatus> = schemaOf<MemberStatus>()(
  Type.Object({
    name: said("Name of the pod, which is the member's."),
    nodeId: count("Raft's node id; never used again."),
    role: oneOf("Its part in consensus.", { values: ["leader", "voter", "learner"] }),
    health: oneOf("How it fares.", {
      values: ["healthy", "lagging", "unreachable", "corrupt", "unknown"],
    }),
    version: Type.Optional(said("Version of the program it runs.")),
  }),
);

/** `status`. */
export const statusSchema: JsonSchema<KVClusterStatus> = schemaOf<KVClusterStatus>()(
  Type.Object(
    {
      observedGeneration: Type.Optional(count("Generation of the spec that status speaks of.")),
      conditions: Type.Optional(
        list(condition, {
          description: "Available, Progressing and Degraded.",
          max: 16,
          unique: "type",
        }),
      ),
      clusterId: Type.Optional(
        said("Identity of the store, written once when it was bootstrapped. Do not remove it."),
      ),
      image: Type.Optional(said("Image that the nodes are to run.", 512)),
      currentVersion: Type.Optional(said("Version that every node runs.")),
      leader: Type.Optional(said("Member that leads.")),
      members: Type.Optional(
        list(member, { description: "Members of the store.", max: 64, unique: "name" }),
      ),
      memberCount: Type.Optional(count("Members of the store.")),
      replicas: Type.Optional(count("Pods that the StatefulSet is to have.")),
      readyReplicas: Type.Optional(count("Pods that are ready.")),
      ready: Type.Optional(said("`READY/WANTED`, for people.")),
      selector: Type.Optional(said("Label selector of the pods.", 1024)),
      replacements: Type.Optional(
        list(time("When."), {
          description: "When members were replaced within the last 24 hours.",
          max: 100,
        }),
      ),
    },
    { description: "What the operator found." },
  ),
);
