/** The settings that say whose tokens a node believes. */
import { type JsonSchema, schemaOf } from "@kvcluster/protocol";
import Type from "typebox";
import { milliseconds, number, text } from "./fields.ts";
import type { AuthAlgorithm, AuthConfig, AuthKeyConfig } from "./types.ts";

const algorithms: readonly AuthAlgorithm[] = [
  "HS256",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

const plainText = Type.String({ minLength: 1, maxLength: 4096 });

const authKeySchema: JsonSchema<AuthKeyConfig> = schemaOf<AuthKeyConfig>()(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 128 }),
      keyId: Type.Optional(plainText),
      algorithm: Type.Optional(
        Type.Unsafe<AuthAlgorithm>(
          Type.Union(algorithms.map((algorithm) => Type.Literal(algorithm))),
        ),
      ),
      file: Type.Optional(plainText),
      jwksFile: Type.Optional(plainText),
      issuer: plainText,
      audiences: Type.Array(plainText, { minItems: 1, maxItems: 16 }),
      grants: Type.Union([Type.Literal("trusted"), Type.Literal("policies")]),
      optional: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
);

/** Keys, policies and clocks. */
export const authSchema: JsonSchema<AuthConfig> = schemaOf<AuthConfig>()(
  Type.Object(
    {
      keys: Type.Array(authKeySchema, {
        description:
          "Keys that tokens are verified with, each pinned to one algorithm and issuer: `name`, " +
          "`keyId` (optional: the tokens' `kid`), `algorithm`, `file` (an HS256 secret of 32 " +
          "bytes or more with mode 0600, else a PEM public key) or, instead of these three, " +
          "`jwksFile` (all keys of one issuer, RFC 7517), `issuer`, `audiences`, and " +
          "`grants`: `trusted` when the tokens' own `kv` claim may grant, `policies` when only " +
          "the policies file does. With `optional` true a node starts without a key whose file " +
          "cannot be used, and takes it once it can. As JSON in the environment and in a flag.",
        minItems: 1,
        maxItems: 32,
        unit: "",
        reloads: true,
      }),
      policiesFile: text(
        "Policies that map claims to grants, YAML or JSON. Empty: none, tokens grant themselves.",
        { default: "", reloads: true },
      ),
      clockSkewMs: milliseconds("Allowed difference of clocks for `exp`, `nbf` and `iat`.", {
        min: 0,
        max: 600_000,
        default: 30_000,
      }),
      tokenLifetimeMaxMs: milliseconds("A token that lives longer is refused. 0: no limit.", {
        min: 0,
        max: 31_622_400_000,
        default: 0,
      }),
      tokenCacheMax: number("Verified tokens remembered by their digest until they expire.", {
        min: 0,
        max: 1_000_000,
        default: 10_000,
        unit: "count",
      }),
      reloadMs: milliseconds("Key and policy files are looked at for changes so often.", {
        min: 100,
        max: 3_600_000,
        default: 2000,
      }),
    },
    { additionalProperties: false },
  ),
);
