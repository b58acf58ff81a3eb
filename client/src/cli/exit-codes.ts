/** The exit codes of `kv`: part of its interface, for scripts. */
import { KVClientError, UnknownOutcomeError } from "../errors.ts";

export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  conditionFailed: 4,
  notAllowed: 5,
  unavailable: 6,
  outcomeUnknown: 7,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For the help text. */
export const exitCodesHelp = `
Exit codes:
  0  done
  1  an error that none of the others describes
  2  wrong usage
  3  no such key or member
  4  a condition did not hold (--if-revision, --if-absent, cas)
  5  no token, a refused one, or one that does not allow this
  6  no node could serve the request; nothing was changed, try again
  7  a write was sent and its outcome is unknown: read before writing again`;

/** A mistake in the arguments, found after the parser was content. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something asked for by name does not exist; the answer was shown already or is the message. */
export class NotFoundError extends Error {
  override readonly name = "NotFoundError";
}

/** A condition did not hold. */
export class ConditionFailedError extends Error {
  override readonly name = "ConditionFailedError";
}

const byCode: Readonly<Record<string, ExitCode>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  INVALID_KEY: exitCodes.usage,
  KEY_NOT_FOUND: exitCodes.notFound,
  MEMBER_NOT_FOUND: exitCodes.notFound,
  CONDITION_FAILED: exitCodes.conditionFailed,
  UNAUTHENTICATED: exitCodes.notAllowed,
  TOKEN_INVALID: exitCodes.notAllowed,
  TOKEN_EXPIRED: exitCodes.notAllowed,
  TOKEN_NOT_YET_VALID: exitCodes.notAllowed,
  FORBIDDEN: exitCodes.notAllowed,
  CREDENTIALS: exitCodes.notAllowed,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof NotFoundError) return exitCodes.notFound;
  if (error instanceof ConditionFailedError) return exitCodes.conditionFailed;
  if (error instanceof UnknownOutcomeError) return exitCodes.outcomeUnknown;
  if (!(error instanceof KVClientError)) return exitCodes.error;
  return byCode[error.code] ?? (error.retryable ? exitCodes.unavailable : exitCodes.error);
}
