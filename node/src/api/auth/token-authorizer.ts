/**
 * The one place where a request is let in: implements the Authorizer port over verified tokens.
 * Default deny. It answers with codes of the error table only; the reason goes to log and metrics.
 */
import type { ErrorCode } from "@kvcluster/protocol";
import { ApiError } from "../api-error.ts";
import type { Authorizer, KeyRange, Need } from "../authorization.ts";
import type { FailureLog } from "./failure-log.ts";
import { allowsEverything, allowsKey, allowsRange } from "./grants.ts";
import type { AuthFailure, AuthFailureReason } from "./reasons.ts";
import type { VerifiedIdentity, Verifier } from "./verifier.ts";

/** The code for a reason: a caller learns no more than this. */
const codes: Readonly<Record<AuthFailureReason, ErrorCode>> = {
  tokenMissing: "UNAUTHENTICATED",
  schemeUnsupported: "UNAUTHENTICATED",
  tokenTooLarge: "TOKEN_INVALID",
  tokenMalformed: "TOKEN_INVALID",
  algorithmRefused: "TOKEN_INVALID",
  issuerUnknown: "TOKEN_INVALID",
  keyUnknown: "TOKEN_INVALID",
  signatureInvalid: "TOKEN_INVALID",
  audienceWrong: "TOKEN_INVALID",
  claimsInvalid: "TOKEN_INVALID",
  lifetimeTooLong: "TOKEN_INVALID",
  tokenNotYetValid: "TOKEN_NOT_YET_VALID",
  tokenExpired: "TOKEN_EXPIRED",
  verbMissing: "FORBIDDEN",
};

/** Says nothing beyond the code, so that a forger learns nothing from trying. */
const publicDetails: Partial<Readonly<Record<ErrorCode, string>>> = {
  UNAUTHENTICATED: "Send the header Authorization: Bearer <token>.",
  TOKEN_INVALID: "The token was refused.",
  TOKEN_EXPIRED: "The token has expired.",
  TOKEN_NOT_YET_VALID: "The token is not valid yet.",
};

function toApiError(failure: AuthFailure): ApiError {
  const code = codes[failure.reason];
  return new ApiError(code, publicDetails[code] ?? "");
}

/** Bytes of a key that an error may repeat: what the caller asked for, kept short. */
const shownKeyBytesMax = 64;

function showKey(key: Uint8Array): string {
  const shown = new TextDecoder().decode(key.subarray(0, shownKeyBytesMax));
  return JSON.stringify(key.length > shownKeyBytesMax ? `${shown}…` : shown);
}

function showRange(range: KeyRange): string {
  if (range.end === null) return `the key ${showKey(range.start)}`;
  const end = range.end.length === 0 ? "the last key" : showKey(range.end);
  return `all keys from ${showKey(range.start)} to ${end}`;
}

/** null when `need` is granted, else what is missing. */
function findMissing(identity: VerifiedIdentity, need: Need): string | null {
  const { grants } = identity;
  const { verb, ranges } = need;
  if (verb === "admin") {
    return allowsEverything(grants, verb) ? null : 'needs "admin" on the empty prefix';
  }
  // A need without a range would be granted to everybody; no request has one.
  if (ranges.length === 0) return `needs "${verb}", but names no key`;
  const refused = ranges.find((range) =>
    range.end === null
      ? !allowsKey(grants, verb, range.start)
      : !allowsRange(grants, verb, { start: range.start, end: range.end }),
  );
  return refused === undefined ? null : `needs "${verb}" on ${showRange(refused)}`;
}

/** Authorizes with `verifier`; refusals are counted and told to `failures`. */
export function createTokenAuthorizer(options: {
  readonly verifier: Verifier;
  readonly failures: FailureLog;
  readonly nowMs: () => number;
}): Authorizer<VerifiedIdentity> {
  const { verifier, failures, nowMs } = options;
  return {
    authenticate(authorization) {
      const outcome = verifier.verify(authorization, nowMs());
      if (outcome.type === "identity") return outcome;
      failures.record({ reason: outcome.reason, detail: outcome.detail, subject: null });
      throw toApiError(outcome);
    },
    authorize(identity, needs) {
      for (const need of needs) {
        const missing = findMissing(identity, need);
        if (missing === null) continue;
        // The caller is told which key; the log is not: keys are nobody else's business.
        const detail = `needs "${need.verb}"`;
        failures.record({ reason: "verbMissing", detail, subject: identity.subject });
        throw new ApiError("FORBIDDEN", `This token ${missing}.`);
      }
    },
  };
}
