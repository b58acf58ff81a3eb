/**
 * Selects the keys a token may be verified with and verifies its signature. The key decides the
 * algorithm; the token's header must agree with it and has no other say (RFC 8725 §3.1).
 */
import { verify as verifyBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import { isAlgorithm, signatureBytes } from "./algorithms.ts";
import type { CompactToken } from "./compact-token.ts";
import type { VerificationKey } from "./keys.ts";
import { type AuthFailure, refuse } from "./reasons.ts";

/**
 * jsonwebtoken 9 knows no EdDSA, so Ed25519 is verified by node:crypto. The claims of both are
 * checked by claims.ts alike, hence only the signature is asked of the library here.
 */
function isSignedBy(token: CompactToken, key: VerificationKey): boolean {
  // jsonwebtoken throws a TypeError at an ECDSA signature of another length.
  if (token.signature.length !== signatureBytes(key.algorithm, key.key)) return false;
  if (key.algorithm === "EdDSA") {
    return verifyBytes(null, Buffer.from(token.signingInput), key.key, token.signature);
  }
  const compact = `${token.signingInput}.${token.signature.toString("base64url")}`;
  try {
    jwt.verify(compact, key.key, {
      algorithms: [key.algorithm],
      ignoreExpiration: true,
      ignoreNotBefore: true,
    });
    return true;
  } catch (error) {
    // The library's word for "no"; anything else is a fault of ours and must surface.
    if (error instanceof jwt.JsonWebTokenError) return false;
    throw error;
  }
}

/** Keys of the token's issuer and algorithm: the one it names, else those that have no key id. */
function candidatesOf(
  token: CompactToken,
  keys: readonly VerificationKey[],
): readonly VerificationKey[] | AuthFailure {
  if (!isAlgorithm(token.algorithm)) return refuse("algorithmRefused", "alg is not supported");
  const issuer = token.claims["iss"];
  const ofIssuer = keys.filter((key) => key.issuer === issuer);
  if (ofIssuer.length === 0) return refuse("issuerUnknown", "no key has the issuer of the token");
  const pinned = ofIssuer.filter((key) => key.algorithm === token.algorithm);
  if (pinned.length === 0) {
    return refuse("algorithmRefused", `no key of the issuer is for ${token.algorithm}`);
  }
  if (token.keyId === null) return pinned;
  const named = pinned.filter((key) => key.keyId === token.keyId);
  const candidates = named.length > 0 ? named : pinned.filter((key) => key.keyId === null);
  if (candidates.length === 0) return refuse("keyUnknown", "no key has the kid of the token");
  return candidates;
}

export interface SignedToken {
  readonly type: "signed";
  readonly key: VerificationKey;
}

/** The key that signed `token`, which is then of that key's issuer and algorithm. */
export function verifySignature(
  token: CompactToken,
  keys: readonly VerificationKey[],
): SignedToken | AuthFailure {
  const candidates = candidatesOf(token, keys);
  if ("type" in candidates) return candidates;
  const key = candidates.find((candidate) => isSignedBy(token, candidate));
  if (key !== undefined) return { type: "signed", key };
  const tried = candidates.map((candidate) => candidate.name).join(", ");
  return refuse("signatureInvalid", `not signed by ${tried}`);
}
