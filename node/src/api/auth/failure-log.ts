/**
 * Counts refusals by reason and logs them, at most so many lines a second: a flood of bad tokens
 * must not fill the disk. Never sees a token.
 */
import { type AuthFailureReason, authFailureReasons } from "./reasons.ts";

/** The part of a pino logger that auth writes to. */
export interface AuthLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface RefusedRequest {
  readonly reason: AuthFailureReason;
  readonly detail: string;
  /** Of a verified token; null when none was verified. */
  readonly subject: string | null;
}

export interface FailureLog {
  record(refused: RefusedRequest): void;
  /** Refusals since start, for every reason. */
  counts(): ReadonlyMap<AuthFailureReason, number>;
}

/** Lines in one window; the first line of the next one tells how many were left out. */
export const failureLinesMax = 20;
const windowMs = 1000;

export function createFailureLog(log: AuthLog, nowMs: () => number): FailureLog {
  const counts = new Map<AuthFailureReason, number>(authFailureReasons.map((r) => [r, 0]));
  let windowStartMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let suppressed = 0;

  return {
    record({ reason, detail, subject }) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      const now = nowMs();
      if (now - windowStartMs >= windowMs || now < windowStartMs) {
        windowStartMs = now;
        lines = 0;
      }
      if (lines >= failureLinesMax) {
        suppressed += 1;
        return;
      }
      lines += 1;
      log.info({ reason, detail, subject, suppressed }, "request refused");
      suppressed = 0;
    },
    counts: () => counts,
  };
}
