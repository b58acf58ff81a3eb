/** The one error that request handling throws on purpose; everything else becomes INTERNAL. */
import type { ErrorCode } from "@kvcluster/protocol";

/** What a problem document says beyond its code and detail. */
export interface ApiErrorExtras {
  readonly cause?: unknown;
  /** A write that may or may not have taken effect. */
  readonly outcome?: "unknown";
  /** CHANGE_REJECTED: the core's reason. */
  readonly reason?: string;
  /** CONDITION_FAILED: the key's modRevision, 0 when absent; revision errors: the store's. */
  readonly revision?: number;
  /** METHOD_NOT_ALLOWED: the methods that the path has. */
  readonly allow?: string;
}

/** An expected refusal with a code of the error table. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly extras: ApiErrorExtras;

  /** @param detail what was attempted, with its values; never a stored value or a secret. */
  constructor(code: ErrorCode, detail: string, extras: ApiErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.extras = extras;
  }
}
