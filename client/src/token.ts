/**
 * Mints tokens from the HS256 secret of a cluster. Whoever holds that secret may grant anything, so
 * what is minted here is short-lived and no wider than asked for. Knows no files.
 */
import { createSecretKey } from "node:crypto";
import { type KvClaim, verbs } from "@kvcluster/protocol";
import jwt from "jsonwebtoken";
import { KVClientError } from "./errors.ts";

/** What the nodes of a cluster expect unless they are configured otherwise. */
const defaultName = "kvcluster";

const secretBytesMin = 32;
const ttlSecondsMax = 366 * 24 * 3600;
const grantsMax = 64;
/** The node refuses a longer one, and so do many proxies. */
const tokenCharsMax = 8192;

export interface MintOptions {
  /** The bytes of the secret file without its final line break; at least 32. */
  readonly secret: Uint8Array;
  /** `sub`: who the token stands for. */
  readonly subject: string;
  /** How long it is valid from now, 1 second to 366 days. */
  readonly ttlSeconds: number;
  /** The `kv` claim; left out, the token has what the nodes' policies give its subject. */
  readonly grants?: KvClaim;
  /** `iss`, "kvcluster" unless given. */
  readonly issuer?: string;
  /** `aud`, "kvcluster" unless given. */
  readonly audience?: string;
  /** `kid`, for nodes that tell several keys of one issuer apart by it. */
  readonly keyId?: string;
}

function findGrantFault(grants: KvClaim): string | null {
  if (grants.length > grantsMax) return `${grants.length} grants, the limit is ${grantsMax}`;
  for (const grant of grants) {
    if (!grant.prefix.isWellFormed()) return "a prefix is not well-formed Unicode";
    if (grant.verbs.length === 0) return `prefix "${grant.prefix}" has no verb`;
    const unknown = grant.verbs.find((verb) => !verbs.includes(verb));
    if (unknown !== undefined) return `"${unknown}" is no verb; there are ${verbs.join(", ")}`;
  }
  return null;
}

function findFault(options: MintOptions): string | null {
  const { secret, subject, ttlSeconds, grants } = options;
  if (secret.byteLength < secretBytesMin) {
    return `the secret has ${secret.byteLength} bytes, at least ${secretBytesMin} are needed`;
  }
  if (subject === "") return "the subject is empty";
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > ttlSecondsMax) {
    return `a life of ${ttlSeconds} s is not between 1 s and ${ttlSecondsMax} s`;
  }
  return grants === undefined ? null : findGrantFault(grants);
}

/**
 * A compact JWT, signed with HS256.
 * @throws KVClientError CREDENTIALS when no node would take the token
 */
export function mintToken(options: MintOptions): string {
  const fault = findFault(options);
  if (fault !== null) throw new KVClientError("CREDENTIALS", { message: fault });
  const { secret, subject, ttlSeconds, grants, keyId } = options;
  const token = jwt.sign(grants === undefined ? {} : { kv: grants }, createSecretKey(secret), {
    algorithm: "HS256",
    subject,
    expiresIn: ttlSeconds,
    issuer: options.issuer ?? defaultName,
    audience: options.audience ?? defaultName,
    ...(keyId === undefined ? {} : { keyid: keyId }),
  });
  if (token.length <= tokenCharsMax) return token;
  throw new KVClientError("CREDENTIALS", {
    message: `the token would have ${token.length} characters, the limit is ${tokenCharsMax}`,
  });
}
