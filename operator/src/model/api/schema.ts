/**
 * The schema of a KVCluster: for the compiler, for the API server (as the structural schema of the
 * CRD), for filling in defaults and for decoding. The one source of them all.
 */
import { type JsonSchema, schemaOf } from "@kvcluster/protocol";
import Type, { type TUnsafe } from "typebox";
import { checked } from "./fields.ts";
import type { JsonObject } from "./json.ts";
import { specSchema } from "./spec-schema.ts";
import { statusSchema } from "./status-schema.ts";
import { structuralSchema } from "./structural.ts";
import type { KVCluster, ObjectMeta } from "./types.ts";

const textRecord = (): TUnsafe<Readonly<Record<string, string>>> =>
  Type.Unsafe<Readonly<Record<string, string>>>(Type.Record(Type.String(), Type.String()));

const metadataSchema: JsonSchema<ObjectMeta> = schemaOf<ObjectMeta>()(
  Type.Object({
    name: Type.String(),
    namespace: Type.String(),
    uid: Type.String(),
    generation: Type.Integer(),
    resourceVersion: Type.String(),
    creationTimestamp: Type.String(),
    deletionTimestamp: Type.Optional(Type.String()),
    labels: Type.Optional(textRecord()),
    annotations: Type.Optional(textRecord()),
  }),
);

/** A KVCluster with its defaults filled in. */
export const kvClusterSchema: JsonSchema<KVCluster> = schemaOf<KVCluster>()(
  Type.Object({
    metadata: metadataSchema,
    spec: specSchema,
    status: Type.Optional(statusSchema),
  }),
);

/**
 * Longest name of a KVCluster. Pods carry the label `NAME-HASH` (`controller-revision-hash`) of at
 * most 63 characters, and the hash has up to ten.
 */
export const nameLengthMax = 52;

const root = Type.Object(
  { spec: specSchema, status: Type.Optional(statusSchema) },
  {
    description: "A replicated, encrypted key-value store.",
    ...checked([
      {
        rule: `self.metadata.name.matches('^[a-z]([-a-z0-9]{0,${nameLengthMax - 2}}[a-z0-9])?$')`,
        message:
          `metadata.name must be at most ${nameLengthMax} lower-case letters, digits and '-', ` +
          "beginning with a letter and ending with a letter or digit: pods and Services are " +
          "named after it",
      },
      {
        rule: "!self.metadata.name.endsWith('-peers')",
        message:
          "metadata.name must not end in -peers: the Service NAME-peers of another KVCluster " +
          "would have the same name",
      },
    ]),
  },
);

/** Structural schema of the whole object but for `apiVersion`, `kind` and `metadata`. */
export const rootStructure: JsonObject = structuralSchema(root);
