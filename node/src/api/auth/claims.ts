/**
 * Checks the registered claims of a token whose signature is verified (RFC 7519 §4.1). Stricter
 * than the RFC: `exp` is required, times are numbers, and the audience must be named.
 */
import type { JsonObject } from "./compact-token.ts";
import type { VerificationKey } from "./keys.ts";
import { type AuthFailure, refuse } from "./reasons.ts";

export interface ClaimLimits {
  /** Allowed difference between the issuer's clock and ours, seconds; applies to exp, nbf, iat. */
  readonly clockSkewSeconds: number;
  /** Longest exp − iat; null: unlimited, and `iat` is then not required. */
  readonly lifetimeSecondsMax: number | null;
}

/** When a token may be used, skew included; kept with a cached token and asked at each use. */
export interface ValidityWindow {
  readonly notBeforeMs: number;
  /** Exclusive. */
  readonly notAfterMs: number;
}

export interface CheckedClaims extends ValidityWindow {
  readonly type: "claims";
  /** `sub`; empty when the token has none, which no policy and no log takes for a name. */
  readonly subject: string;
}

/** A NumericDate is any JSON number (RFC 7519 §2); one past the safe integers is no date. */
const isNumericDate = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000;

function isMeantForUs(audience: unknown, audiences: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  return named.some((name) => typeof name === "string" && audiences.includes(name));
}

/** Says whether the window is open now. `exp` itself is already too late (RFC 7519 §4.1.4). */
export function checkWindow(window: ValidityWindow, nowMs: number): AuthFailure | null {
  if (nowMs < window.notBeforeMs) return refuse("tokenNotYetValid", "nbf is in the future");
  if (nowMs >= window.notAfterMs) return refuse("tokenExpired", "exp has passed");
  return null;
}

function readTimes(claims: JsonObject): { exp: number; nbf: number; iat: number | null } | null {
  const { exp, nbf, iat } = claims;
  if (!isNumericDate(exp)) return null;
  if (nbf !== undefined && !isNumericDate(nbf)) return null;
  if (iat !== undefined && !isNumericDate(iat)) return null;
  return { exp, nbf: nbf ?? 0, iat: iat ?? null };
}

function checkLifetime(
  times: { readonly exp: number; readonly iat: number | null },
  limits: ClaimLimits,
): AuthFailure | null {
  if (limits.lifetimeSecondsMax === null) return null;
  if (times.iat === null) return refuse("lifetimeTooLong", "iat is missing");
  const lifetime = times.exp - times.iat;
  if (lifetime <= limits.lifetimeSecondsMax) return null;
  const limit = limits.lifetimeSecondsMax;
  return refuse("lifetimeTooLong", `valid for ${lifetime} s, the limit is ${limit} s`);
}

/** All a signed token must say, expiry last: only a token that is right else is "expired". */
export function checkClaims(
  claims: JsonObject,
  context: { readonly key: VerificationKey; readonly limits: ClaimLimits; readonly nowMs: number },
): CheckedClaims | AuthFailure {
  const { key, limits, nowMs } = context;
  if (claims["iss"] !== key.issuer) return refuse("issuerUnknown", "iss is not that of the key");
  if (!isMeantForUs(claims["aud"], key.audiences)) {
    return refuse("audienceWrong", `aud names none of ${key.audiences.join(", ")}`);
  }
  const { sub } = claims;
  if (sub !== undefined && typeof sub !== "string") {
    return refuse("claimsInvalid", "sub is not a string");
  }
  const times = readTimes(claims);
  if (times === null) return refuse("claimsInvalid", "exp is missing, or exp, nbf, iat no numbers");
  const skewMs = limits.clockSkewSeconds * 1000;
  if (times.iat !== null && times.iat * 1000 > nowMs + skewMs) {
    return refuse("tokenNotYetValid", "iat is in the future");
  }
  const tooLong = checkLifetime(times, limits);
  if (tooLong !== null) return tooLong;
  const window: ValidityWindow = {
    notBeforeMs: times.nbf * 1000 - skewMs,
    notAfterMs: times.exp * 1000 + skewMs,
  };
  return checkWindow(window, nowMs) ?? { type: "claims", subject: sub ?? "", ...window };
}
