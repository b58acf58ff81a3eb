/**
 * The errors that the client throws. Their codes are those of the protocol's table, and a few that
 * only a client can meet. No error says "maybe": a write whose outcome is unknown has its own
 * class.
 */
import type { ErrorCode, Problem } from "@kvcluster/protocol";

/** What only a client can meet. */
export type ClientErrorCode =
  /** No endpoint could be reached; the request was never sent. */
  | "UNREACHABLE"
  /** A read was sent, and the connection broke before the answer was complete. */
  | "CONNECTION_BROKEN"
  /** The caller's AbortSignal fired; nothing was changed. */
  | "ABORTED"
  /** An answer that is not one of KVCluster, or not one this client understands. */
  | "BAD_ANSWER"
  /** An answer longer than `limits.answerBytesMax`. */
  | "ANSWER_TOO_LARGE"
  /** The client was closed. */
  | "CLOSED"
  /** The token or secret file cannot be read or holds nothing usable. */
  | "CREDENTIALS"
  /** The caller passed something that cannot be sent. */
  | "INVALID_ARGUMENT";

export interface KVClientErrorDetails {
  readonly message: string;
  /** HTTP status of the answer, null when there was none. */
  readonly status?: number | null;
  readonly problem?: Problem | null;
  /** Base URL of the endpoint of the last attempt. */
  readonly endpoint?: string | null;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** A request that failed. Unless it is an UnknownOutcomeError, it changed nothing. */
export class KVClientError extends Error {
  override readonly name: string = "KVClientError";
  /** A code of the error table or of the client; a newer server may send others. */
  readonly code: ErrorCode | ClientErrorCode | (string & {});
  readonly status: number | null;
  readonly problem: Problem | null;
  readonly endpoint: string | null;
  /** The same request may succeed when it is sent again later. */
  readonly retryable: boolean;

  constructor(code: KVClientError["code"], details: KVClientErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.problem = details.problem ?? null;
    this.endpoint = details.endpoint ?? null;
    this.retryable = details.retryable ?? false;
  }
}

/**
 * A write that was sent and not answered: it may have taken effect, or may still. The client never
 * repeats it. Read the key before writing again, or write under a condition.
 */
export class UnknownOutcomeError extends KVClientError {
  override readonly name: string = "UnknownOutcomeError";
  constructor(details: KVClientErrorDetails) {
    super("OUTCOME_UNKNOWN", { ...details, retryable: false });
  }
}
