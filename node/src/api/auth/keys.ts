/**
 * Loads the keys that tokens are verified with. Each key is bound to one algorithm, one issuer and
 * its audiences when it is loaded; what a token's header says can only select a key, never change
 * how it is used.
 */
import { createHash, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { type Algorithm, checkPublicKey, hmacSecretBytesMin } from "./algorithms.ts";
import { readSecretFile, readTextFile } from "./auth-files.ts";
import { AuthConfigurationError } from "./reasons.ts";

/** Whose tokens a key or a set of keys verifies, and what they are worth. */
export interface TokenIssuer {
  /** What log, metrics and status call it; unique. */
  readonly name: string;
  /** The exact `iss` of its tokens. */
  readonly issuer: string;
  /** A token must name one of these in `aud`. */
  readonly audiences: readonly string[];
  /**
   * `trusted`: its tokens may grant themselves rights with a `kv` claim. `policies`: only the
   * policies file grants; the key of a foreign issuer is never to be trusted.
   */
  readonly grants: "trusted" | "policies";
}

/** One key as the configuration describes it. */
export interface AuthKeySpec extends TokenIssuer {
  /** The `kid` its tokens carry; null: tokens are matched by issuer and algorithm alone. */
  readonly keyId: string | null;
  readonly algorithm: Algorithm;
  /** HS256: the secret's file (0600). Otherwise a PEM file with one public key. */
  readonly file: string;
}

/** All keys of one issuer, in one file that the issuer's key rotation changes. */
export interface KeySetSpec extends TokenIssuer {
  /** A JSON Web Key Set (RFC 7517 §5) of public keys. */
  readonly jwksFile: string;
}

/** A key that is ready to verify with, pinned to its algorithm and issuer. */
export interface VerificationKey extends TokenIssuer {
  readonly keyId: string | null;
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
  /** SHA-256 of the public key or of the secret's own digest, 12 digits; names a key in a log. */
  readonly fingerprint: string;
}

/** Selection tries several keys of one issuer in turn, so their number is bounded. */
export const authKeysMax = 32;

/** @param material a secret, or a public key as DER (SPKI) */
export const fingerprintOf = (material: Buffer): string =>
  // Hashed twice with a label: what is shown says nothing about a secret, not even to a guesser
  // who holds the SHA-256 of candidate secrets.
  createHash("sha256")
    .update("kvcluster auth key")
    .update(createHash("sha256").update(material).digest())
    .digest("hex")
    .slice(0, 12);

/** Without the file's name, which no request needs. */
const ready = (
  { name, keyId, algorithm, issuer, audiences, grants }: AuthKeySpec,
  loaded: Pick<VerificationKey, "key" | "fingerprint">,
): VerificationKey => ({ name, keyId, algorithm, issuer, audiences, grants, ...loaded });

async function loadSecret(spec: AuthKeySpec): Promise<VerificationKey> {
  const secret = await readSecretFile(spec.file);
  if (secret.includes("-----BEGIN")) {
    throw new AuthConfigurationError(
      `auth key "${spec.name}": ${spec.file} is a PEM file; ` +
        "an HS256 secret must be known to nobody",
    );
  }
  if (secret.length < hmacSecretBytesMin) {
    throw new AuthConfigurationError(
      `auth key "${spec.name}": the secret in ${spec.file} has ${secret.length} bytes, ` +
        `HS256 needs at least ${hmacSecretBytesMin}`,
    );
  }
  return ready(spec, { key: createSecretKey(secret), fingerprint: fingerprintOf(secret) });
}

function parsePublicKey(spec: AuthKeySpec, pem: string): KeyObject {
  const labels = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map((match) => match[1] ?? "");
  const label = labels[0];
  if (labels.length !== 1 || (label !== "PUBLIC KEY" && label !== "RSA PUBLIC KEY")) {
    // createPublicKey would take a private key and derive the public one from it: a node that is
    // given a private key is a mistake that must not go unseen.
    const found = labels.length === 0 ? "no PEM block" : labels.join(" and ");
    throw new AuthConfigurationError(
      `auth key "${spec.name}": ${spec.file} must hold one PEM block PUBLIC KEY, found ${found}`,
    );
  }
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new AuthConfigurationError(
      `auth key "${spec.name}": ${spec.file} holds no readable public key`,
      { cause },
    );
  }
}

async function loadPublicKey(
  spec: AuthKeySpec,
  algorithm: Exclude<Algorithm, "HS256">,
): Promise<VerificationKey> {
  const key = parsePublicKey(spec, await readTextFile(spec.file));
  const wrong = checkPublicKey(algorithm, key);
  if (wrong !== null) {
    throw new AuthConfigurationError(`auth key "${spec.name}" (${spec.file}): ${wrong}`);
  }
  const der = key.export({ type: "spki", format: "der" });
  return ready(spec, { key, fingerprint: fingerprintOf(der) });
}

/** Everything that can be told without the files. @throws AuthConfigurationError naming the key */
export function checkKeySpecs(specs: readonly (AuthKeySpec | KeySetSpec)[]): void {
  if (specs.length === 0) {
    throw new AuthConfigurationError("no auth key is configured: nobody could use this node");
  }
  if (specs.length > authKeysMax) {
    throw new AuthConfigurationError(`${specs.length} auth keys, the limit is ${authKeysMax}`);
  }
  const names = new Set<string>();
  const identities = new Map<string, string>();
  for (const spec of specs) {
    if (names.has(spec.name)) throw new AuthConfigurationError(`two auth keys "${spec.name}"`);
    names.add(spec.name);
    if (spec.issuer === "" || spec.audiences.length === 0 || spec.audiences.includes("")) {
      throw new AuthConfigurationError(`auth key "${spec.name}" needs an issuer and an audience`);
    }
    if ("jwksFile" in spec || spec.keyId === null) continue;
    const identity = JSON.stringify([spec.issuer, spec.algorithm, spec.keyId]);
    const other = identities.get(identity);
    if (other !== undefined) {
      throw new AuthConfigurationError(
        `auth keys "${other}" and "${spec.name}" have the same issuer, algorithm and key id`,
      );
    }
    identities.set(identity, spec.name);
  }
}

/** Loads all keys or none. @throws AuthConfigurationError naming the key and its file */
export async function loadKeys(specs: readonly AuthKeySpec[]): Promise<readonly VerificationKey[]> {
  checkKeySpecs(specs);
  return Promise.all(
    specs.map((spec) =>
      spec.algorithm === "HS256" ? loadSecret(spec) : loadPublicKey(spec, spec.algorithm),
    ),
  );
}
