/** Schema of `spec.auth`: whose tokens the store believes and what they may do. */
import { type Grant, type JsonSchema, schemaOf } from "@kvcluster/protocol";
import Type from "typebox";
import { adminIssuer } from "../names.ts";
import { checked, flag, list, objectName, oneOf, text } from "./fields.ts";
import type { AuthSpec, IssuerSpec, KeyReference, PolicySpec } from "./types.ts";

/** Names of the node's own keys, beside which an issuer's stands. */
const reservedNames = ["admin", "kubernetes", adminIssuer];

const nameRule = {
  rule: "!format.dns1123Label().validate(self).hasValue()",
  message:
    "must be lower-case letters, digits and '-', beginning and ending with a letter or digit",
};

const audience = Type.String({ minLength: 1, maxLength: 512 });

const keyReference: JsonSchema<KeyReference> = schemaOf<KeyReference>()(
  Type.Object(
    {
      name: objectName("Name of a ConfigMap in the namespace of the KVCluster."),
      key: text("Key in its data.", { max: 253 }),
    },
    { description: "Where the document is." },
  ),
);

const publicKey = Type.Object(
  {
    algorithm: oneOf("The one algorithm that this key verifies.", {
      values: [
        ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        ...["ES256", "ES384", "ES512", "EdDSA"],
      ],
    }),
    configMapKeyRef: keyReference,
  },
  { description: "One public key in PEM." },
);

const issuer: JsonSchema<IssuerSpec> = schemaOf<IssuerSpec>()(
  Type.Object(
    {
      name: text("Name of the issuer in logs and metrics; unique.", {
        max: 63,
        rules: [
          nameRule,
          {
            rule: `!(self in [${reservedNames.map((name) => `'${name}'`).join(", ")}])`,
            message: `choose another name: ${reservedNames.join(", ")} are taken by the operator`,
          },
        ],
      }),
      issuer: text("The tokens' `iss`, exactly.", {
        max: 512,
        rules: [
          {
            rule: `self != '${adminIssuer}'`,
            message: `choose another issuer: ${adminIssuer} is that of administrators' tokens`,
          },
        ],
      }),
      audiences: list(audience, {
        description: "Accepted `aud`; a token needs one of them.",
        min: 1,
        max: 16,
        unique: "value",
      }),
      publicKey: Type.Optional(publicKey),
      jwks: Type.Optional(
        Type.Object({ configMapKeyRef: keyReference }, { description: "A JSON Web Key Set." }),
      ),
    },
    {
      description:
        "An issuer whose tokens are believed. What they may do is said by policies only.",
      ...checked([
        {
          rule: "has(self.publicKey) != has(self.jwks)",
          message: "give exactly one of publicKey and jwks",
        },
      ]),
    },
  ),
);

const grant: JsonSchema<Grant> = schemaOf<Grant>()(
  Type.Object(
    {
      prefix: text("Keys that begin with it; empty: every key.", { min: 0, max: 4096 }),
      verbs: list(oneOf("What is allowed.", { values: ["read", "write", "admin"] }), {
        description:
          "`read`: get, list. `write`: put, delete, batch, range delete. `admin`: the cluster, " +
          "whatever the prefix; it includes neither of the others.",
        min: 1,
        max: 3,
        unique: "value",
      }),
    },
    { description: "Verbs on a prefix." },
  ),
);

const serviceAccount = Type.Object({
  name: objectName("Name of the service account."),
  namespace: Type.Optional(
    text("Its namespace. Left out: that of the KVCluster.", { max: 63, rules: [nameRule] }),
  ),
});

const claims = Type.Object(
  {
    issuer: Type.Optional(
      text("Issuer of one of `auth.issuers`. Left out: the API server, for service accounts.", {
        max: 512,
      }),
    ),
    match: Type.Unsafe<Readonly<Record<string, readonly string[]>>>(
      Type.Record(Type.String(), Type.Array(audience, { minItems: 1, maxItems: 32 }), {
        description:
          "Claim → accepted values; each claim must have one of its values. A dot reaches into " +
          "objects: `kubernetes.io.namespace`.",
        minProperties: 1,
        maxProperties: 16,
      }),
    ),
  },
  { description: "Tokens whose claims match." },
);

const policy: JsonSchema<PolicySpec> = schemaOf<PolicySpec>()(
  Type.Object(
    {
      name: text("Name of the policy in logs; unique.", { max: 63, rules: [nameRule] }),
      serviceAccounts: Type.Optional(
        list(serviceAccount, { description: "These service accounts.", min: 1, max: 32 }),
      ),
      namespaces: Type.Optional(
        list(text("Name of a namespace.", { max: 63, rules: [nameRule] }), {
          description: "All service accounts of these namespaces.",
          min: 1,
          max: 32,
          unique: "value",
        }),
      ),
      claims: Type.Optional(claims),
      grants: list(grant, { description: "What they may do.", min: 1, max: 64 }),
    },
    {
      description: "Gives grants to whomever one of its three lists names.",
      ...checked([
        {
          rule: "has(self.serviceAccounts) || has(self.namespaces) || has(self.claims)",
          message: "say who is meant: give at least one of serviceAccounts, namespaces and claims",
        },
      ]),
    },
  ),
);

/** Whom the store believes. */
export const authSchema: JsonSchema<AuthSpec> = schemaOf<AuthSpec>()(
  Type.Object(
    {
      serviceAccountTokens: flag(
        "Believe projected service-account tokens of this Kubernetes cluster.",
        true,
      ),
      audiences: list(audience, {
        description:
          "Accepted audiences of service-account tokens. Empty: `NAMESPACE/NAME` of the KVCluster.",
        max: 16,
        default: [],
        unique: "value",
      }),
      issuers: list(issuer, {
        description: "Other issuers of tokens.",
        max: 16,
        default: [],
        unique: "name",
      }),
      policies: list(policy, {
        description: "Who may do what. Without any only administrators' tokens work.",
        max: 64,
        default: [],
        unique: "name",
      }),
    },
    {
      description:
        "Whose tokens are believed and what they may do. Administrators' tokens (the generated " +
        "Secret `NAME-auth`) always work. Changes of policies reach the nodes without a " +
        "restart; any other change rolls the pods.",
      ...checked([
        {
          rule:
            "self.policies.all(p, !has(p.claims) || !has(p.claims.issuer) || " +
            "self.issuers.exists(i, i.issuer == p.claims.issuer))",
          message:
            "claims.issuer must be the issuer of an entry of auth.issuers: add that issuer, or " +
            "leave claims.issuer out for service-account tokens",
        },
        {
          rule:
            "self.serviceAccountTokens || self.policies.all(p, !has(p.serviceAccounts) && " +
            "!has(p.namespaces) && (!has(p.claims) || has(p.claims.issuer)))",
          message:
            "these policies need service-account tokens: set serviceAccountTokens to true or " +
            "remove them",
        },
      ]),
    },
  ),
);
