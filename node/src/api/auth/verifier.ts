/**
 * From an Authorization header to an identity with its grants. A verified token is remembered until
 * it expires (token-memory.ts), but its times are asked at every use.
 */
import { kvClaimSchema } from "@kvcluster/protocol";
import type { Identity } from "../authorization.ts";
import { type ClaimLimits, checkClaims, checkWindow, type ValidityWindow } from "./claims.ts";
import { type JsonObject, parseCompactToken } from "./compact-token.ts";
import type { KeyGrant } from "./grants.ts";
import type { VerificationKey } from "./keys.ts";
import { compileClaimGrants, grantsOfPolicies, type PolicySet } from "./policies.ts";
import { type AuthFailure, refuse } from "./reasons.ts";
import { createChecker } from "./schema-check.ts";
import { verifySignature } from "./signature.ts";
import { createTokenMemory } from "./token-memory.ts";

/** A caller whose token was verified, and everything it may do. */
export interface VerifiedIdentity extends Identity, ValidityWindow {
  readonly type: "identity";
  /** The configured name of the key that signed. */
  readonly keyName: string;
  readonly grants: readonly KeyGrant[];
}

/** What decides; replaced as a whole when a file changes. */
export interface AuthRules {
  readonly keys: readonly VerificationKey[];
  readonly policies: PolicySet;
}

export interface VerifierLimits extends ClaimLimits {
  /** Characters of a token; a longer one is not even hashed. */
  readonly tokenCharsMax: number;
  /** Verified tokens that are remembered; the least recently used one makes room. */
  readonly cachedTokensMax: number;
}

export interface VerifierCounters {
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly cachedTokens: number;
}

export interface Verifier {
  verify(authorization: string | undefined, nowMs: number): VerifiedIdentity | AuthFailure;
  /** Takes other rules and forgets every token that was verified under the old ones. */
  setRules(rules: AuthRules): void;
  counters(): VerifierCounters;
}

const kvClaimChecker = createChecker(kvClaimSchema);

/** `Bearer`, in any case (RFC 9110 §11.1), one space or more, then the token. */
const bearerForm = /^bearer +([^\s]+)$/i;

function readBearer(authorization: string | undefined): string | AuthFailure {
  if (authorization === undefined || authorization === "") {
    return refuse("tokenMissing", "no Authorization header");
  }
  // What nearly every client sends, without a match of the whole header.
  if (authorization.startsWith("Bearer ") && authorization.charCodeAt(7) !== 0x20) {
    return authorization.slice(7);
  }
  return (
    bearerForm.exec(authorization)?.[1] ?? refuse("schemeUnsupported", "not a Bearer token alone")
  );
}

/** What the token grants itself, when its key is trusted to grant; else nothing. */
function grantsOfClaim(
  claims: JsonObject,
  key: VerificationKey,
): readonly KeyGrant[] | AuthFailure {
  const claim = claims["kv"];
  if (key.grants !== "trusted" || claim === undefined) return [];
  if (!kvClaimChecker.isValid(claim)) {
    return refuse("claimsInvalid", `kv: ${kvClaimChecker.describeFault(claim)}`);
  }
  const grants = compileClaimGrants(claim);
  return typeof grants === "string" ? refuse("claimsInvalid", `kv: ${grants}`) : grants;
}

function verifyToken(
  token: string,
  context: { readonly rules: AuthRules; readonly limits: VerifierLimits; readonly nowMs: number },
): VerifiedIdentity | AuthFailure {
  const { rules, limits, nowMs } = context;
  const parsed = parseCompactToken(token, limits.tokenCharsMax);
  if (parsed.type === "refused") return parsed;
  const signed = verifySignature(parsed, rules.keys);
  if (signed.type === "refused") return signed;
  const { key } = signed;
  const checked = checkClaims(parsed.claims, { key, limits, nowMs });
  if (checked.type === "refused") return checked;
  const ownGrants = grantsOfClaim(parsed.claims, key);
  if ("type" in ownGrants) return ownGrants;
  return {
    type: "identity",
    subject: checked.subject,
    issuer: key.issuer,
    keyName: key.name,
    notBeforeMs: checked.notBeforeMs,
    notAfterMs: checked.notAfterMs,
    grants: [...ownGrants, ...grantsOfPolicies(rules.policies, parsed.claims)],
  };
}

/** Verifies under `initial` until `setRules`. Synchronous: it is asked once for each request. */
export function createVerifier(initial: AuthRules, limits: VerifierLimits): Verifier {
  const memory = createTokenMemory<VerifiedIdentity>(limits.cachedTokensMax);
  let rules = initial;
  let cacheHits = 0;
  let cacheMisses = 0;

  function recall(header: string, token: string, nowMs: number): VerifiedIdentity | undefined {
    const known = memory.recall(header, token, nowMs);
    if (known === undefined) cacheMisses += 1;
    else cacheHits += 1;
    return known;
  }

  function verify(
    authorization: string | undefined,
    nowMs: number,
  ): VerifiedIdentity | AuthFailure {
    const token = readBearer(authorization);
    if (typeof token !== "string") return token;
    if (token.length > limits.tokenCharsMax) {
      return refuse("tokenTooLarge", `${token.length} characters`);
    }
    const known = recall(authorization ?? token, token, nowMs);
    if (known !== undefined) return checkWindow(known, nowMs) ?? known;
    const verified = verifyToken(token, { rules, limits, nowMs });
    if (verified.type === "identity") memory.remember(token, verified);
    return verified;
  }

  return {
    verify,
    setRules: (next) => {
      rules = next;
      memory.forgetAll();
    },
    counters: () => ({ cacheHits, cacheMisses, cachedTokens: memory.size() }),
  };
}
