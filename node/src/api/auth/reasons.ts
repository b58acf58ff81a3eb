/**
 * Why a request was refused, in words for the log and the metrics. A client never learns more than
 * the error code; a token, a signature or a secret is never part of a detail.
 */

/** Every reason, in the order in which a request meets the checks; label values of the metric. */
export const authFailureReasons = [
  "tokenMissing",
  "schemeUnsupported",
  "tokenTooLarge",
  "tokenMalformed",
  "algorithmRefused",
  "issuerUnknown",
  "keyUnknown",
  "signatureInvalid",
  "audienceWrong",
  "claimsInvalid",
  "lifetimeTooLong",
  "tokenNotYetValid",
  "tokenExpired",
  "verbMissing",
] as const;

export type AuthFailureReason = (typeof authFailureReasons)[number];

/** A token that was refused: an expected outcome, so a value and not an exception. */
export interface AuthFailure {
  readonly type: "refused";
  readonly reason: AuthFailureReason;
  /** For the log only. */
  readonly detail: string;
}

export const refuse = (reason: AuthFailureReason, detail: string): AuthFailure => ({
  type: "refused",
  reason,
  detail,
});

/** Keys or policies that cannot be used; the message names the file and what is wrong with it. */
export class AuthConfigurationError extends Error {
  override readonly name = "AuthConfigurationError";
}
