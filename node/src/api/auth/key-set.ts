/**
 * Reads a JSON Web Key Set (RFC 7517 §5), as the API server of Kubernetes and identity providers
 * publish theirs. A set has a key for each purpose and generation of its issuer: what cannot verify
 * a signature is passed over and told; what must never be in a public document refuses the file.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { type Algorithm, checkPublicKey, isAlgorithm } from "./algorithms.ts";
import { isJsonObject, type JsonObject } from "./compact-token.ts";
import { fingerprintOf, type KeySetSpec, type VerificationKey } from "./keys.ts";
import { AuthConfigurationError } from "./reasons.ts";

export interface KeySet {
  readonly keys: readonly VerificationKey[];
  /** Keys that are not used, each with its id or place and why, for the log. */
  readonly skipped: readonly string[];
}

/** A rotation has two or three keys; a token without `kid` is tried with each. */
export const keySetKeysMax = 32;
/** A token with a longer one is refused. */
const keyIdCharsMax = 256;

type PublicAlgorithm = Exclude<Algorithm, "HS256">;

/** Members that only secret keys have (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2). */
const secretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

const curveAlgorithms: ReadonlyMap<unknown, PublicAlgorithm> = new Map([
  ["P-256", "ES256"],
  ["P-384", "ES384"],
  ["P-521", "ES512"],
  ["Ed25519", "EdDSA"],
]);

/** The algorithm a key is used with when it names none; undefined: it is for nothing we know. */
function impliedAlgorithm({ kty, crv }: JsonObject): PublicAlgorithm | undefined {
  if (kty === "RSA") return "RS256";
  return kty === "EC" || kty === "OKP" ? curveAlgorithms.get(crv) : undefined;
}

/** Why the key is not for verifying signatures, or null. */
function findOtherPurpose(jwk: JsonObject): string | null {
  if (jwk["use"] !== undefined && jwk["use"] !== "sig") return "its use is not sig";
  const operations = jwk["key_ops"];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return "its key_ops have no verify";
  }
  const keyId = jwk["kid"];
  if (keyId === undefined) return null;
  return typeof keyId === "string" && keyId.length <= keyIdCharsMax
    ? null
    : "its kid is not a short text";
}

function algorithmOf(jwk: JsonObject): PublicAlgorithm | null {
  const named = jwk["alg"] ?? impliedAlgorithm(jwk);
  if (typeof named !== "string" || !isAlgorithm(named) || named === "HS256") return null;
  return impliedAlgorithm(jwk) === undefined ? null : named;
}

function importKey(jwk: JsonObject): KeyObject | null {
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    // Told to the caller as null: the system's words may repeat the key.
    return null;
  }
}

/** The key and its algorithm, or why it cannot be used. */
function readKey(jwk: JsonObject): { algorithm: PublicAlgorithm; key: KeyObject } | string {
  const other = findOtherPurpose(jwk);
  if (other !== null) return other;
  const algorithm = algorithmOf(jwk);
  if (algorithm === null) return "its type, curve or algorithm is not supported";
  const key = importKey(jwk);
  if (key === null) return "it is no valid key of its type";
  return checkPublicKey(algorithm, key) ?? { algorithm, key };
}

function parseDocument(spec: KeySetSpec, text: string): readonly JsonObject[] {
  const refuse = (why: string): never => {
    throw new AuthConfigurationError(`auth key "${spec.name}": ${spec.jwksFile} ${why}`);
  };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's message repeats the text, which may hold a secret by mistake.
    return refuse(text.trim() === "" ? "is empty" : "is not JSON");
  }
  const keys = isJsonObject(document) ? document["keys"] : undefined;
  if (!Array.isArray(keys) || !keys.every(isJsonObject)) {
    return refuse('is no key set: it needs a list "keys" of objects (RFC 7517)');
  }
  const secret = keys.find((key) => key["kty"] === "oct" || secretMembers.some((m) => m in key));
  if (secret === undefined) return keys;
  const what = secret["kty"] === "oct" ? "a secret (oct)" : "a private key";
  return refuse(`holds ${what}: a key set is public, and whoever reads it could sign tokens`);
}

/** Who the key belongs to and what tells it apart. */
function describe(jwk: JsonObject, position: number): { keyId: string | null; shown: string } {
  const keyId = typeof jwk["kid"] === "string" ? jwk["kid"] : null;
  return { keyId, shown: (keyId ?? `number ${position}`).slice(0, keyIdCharsMax) };
}

/** How many keys there may be. @throws AuthConfigurationError naming key and file */
function checkCount(spec: KeySetSpec, { keys, skipped }: KeySet): void {
  const file = `auth key "${spec.name}": ${spec.jwksFile}`;
  if (keys.length === 0) {
    const why = skipped.length === 0 ? "its list is empty" : skipped.join("; ");
    throw new AuthConfigurationError(`${file} has no key that verifies tokens: ${why}`);
  }
  if (keys.length > keySetKeysMax) {
    throw new AuthConfigurationError(
      `${file} has ${keys.length} keys, the limit is ${keySetKeysMax}`,
    );
  }
}

/**
 * The keys of `text`, the content of the file of `spec`; each is pinned to the algorithm it names,
 * or else to the one that its type implies (RS256, ES256/384/512 by curve, EdDSA).
 * @throws AuthConfigurationError naming key and file, when no key is usable or too many are
 */
export function parseKeySet(spec: KeySetSpec, text: string): KeySet {
  const { name, issuer, audiences, grants } = spec;
  const keys = new Map<string, VerificationKey>();
  const skipped: string[] = [];
  for (const [i, jwk] of parseDocument(spec, text).entries()) {
    const { keyId, shown } = describe(jwk, i + 1);
    const read = readKey(jwk);
    if (typeof read === "string") {
      skipped.push(`${shown}: ${read}`);
      continue;
    }
    const { algorithm, key } = read;
    const fingerprint = fingerprintOf(key.export({ type: "spki", format: "der" }));
    const pinned = { keyId, algorithm, issuer, audiences, grants, key, fingerprint };
    // The same key under the same id twice, as some issuers publish it, is one key.
    const identity = JSON.stringify([keyId, algorithm, fingerprint]);
    keys.set(identity, { name: `${name}/${keyId ?? fingerprint}`, ...pinned });
  }
  const set = { keys: [...keys.values()], skipped };
  checkCount(spec, set);
  return set;
}
