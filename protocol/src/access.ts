/**
 * Who may do what: verbs on key prefixes, as a token's `kv` claim and the policies file grant them.
 * Everything that is not granted is refused.
 */
import Type from "typebox";
import { type JsonSchema, schemaOf } from "./schema.ts";

/**
 * What a grant allows. `read`: get, list. `write`: put, delete, batch, range delete. `admin`:
 * cluster, maintenance, compaction; it is not bound to keys and does not include the others.
 */
export const verbs = ["read", "write", "admin"] as const;
export type Verb = (typeof verbs)[number];

/** Verbs on every key that starts with a prefix; the empty prefix is every key. */
export interface Grant {
  readonly prefix: string;
  readonly verbs: readonly Verb[];
}
const grantFields = Type.Object(
  {
    prefix: Type.String({ description: "UTF-8; empty: every key" }),
    verbs: Type.Array(
      Type.Union([Type.Literal("read"), Type.Literal("write"), Type.Literal("admin")]),
      { minItems: 1, maxItems: 16 },
    ),
  },
  { additionalProperties: false },
);
export const grantSchema: JsonSchema<Grant> = schemaOf<Grant>()(grantFields);

/** The `kv` claim of a token. Believed only when the signing key is trusted to grant. */
export type KvClaim = readonly Grant[];
export const kvClaimSchema: JsonSchema<KvClaim> = schemaOf<KvClaim>()(
  Type.Array(grantFields, { maxItems: 64 }),
);

/** Gives grants to tokens whose claims match. */
export interface Policy {
  /** For logs and error messages; unique in its file. */
  readonly name: string;
  /**
   * Claim → accepted values; every claim listed must match (a list-valued claim matches when one of
   * its items does). A dot reaches into objects: `kubernetes.io.namespace` is tried as one name
   * first. At least one claim, so that no policy matches everybody by accident.
   */
  readonly match: { readonly [claim: string]: string | readonly string[] };
  readonly grants: readonly Grant[];
}

/** The policies file (YAML or JSON). */
export interface PolicyFile {
  readonly policies: readonly Policy[];
}
export const policyFileSchema: JsonSchema<PolicyFile> = schemaOf<PolicyFile>()(
  Type.Object(
    {
      policies: Type.Array(
        Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 128 }),
            match: Type.Record(
              Type.String(),
              Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
              { minProperties: 1 },
            ),
            grants: Type.Array(grantFields, { maxItems: 256 }),
          },
          { additionalProperties: false },
        ),
        { maxItems: 4096 },
      ),
    },
    { title: "PolicyFile", additionalProperties: false },
  ),
);
