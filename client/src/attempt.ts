/**
 * What one attempt means: for repeating it, for the endpoint's figures, and for the caller's error.
 * Pure. The rule for writes: only an answer that says so, or not a byte sent, proves "no effect".
 */
import { errorInfo, isErrorCode, type Problem } from "@kvcluster/protocol";
import { KVClientError, UnknownOutcomeError } from "./errors.ts";
import { decodeProblem } from "./http/decode-answer.ts";
import { AnswerTooLargeError, type ExchangeOutcome, type HttpAnswer } from "./http/exchange.ts";
import type { AttemptOutcome } from "./picking/picker.ts";
import type { AttemptFailure, RequestKind, RetryVerdict } from "./picking/retry-policy.ts";

export interface AttemptView {
  readonly endpoint: string;
  readonly call: { readonly kind: RequestKind; readonly method: string; readonly path: string };
  readonly outcome: ExchangeOutcome;
}

/** Why waiting ended, when it was not the node that ended it. */
export interface Endings {
  readonly isCaller: boolean;
  readonly isClosed: boolean;
  readonly isDeadline: boolean;
}

/** null: it succeeded. `accept` lists statuses beyond 2xx that are answers. */
export function classify(view: AttemptView, accept: readonly number[]): AttemptFailure | null {
  if (view.outcome.type === "failed") {
    if (view.outcome.error instanceof AnswerTooLargeError && view.call.kind === "read") {
      return { type: "final" };
    }
    return { type: view.outcome.sent ? "broken" : "notSent" };
  }
  const { answer } = view.outcome;
  const problem = decodeProblem(answer);
  if (answer.status < 300) return null;
  if (accept.includes(answer.status)) return null;
  return problem === null ? classifyStranger(answer) : classifyProblem(problem, answer);
}

function classifyProblem(problem: Problem, answer: HttpAnswer): AttemptFailure {
  if (problem.outcome === "unknown") return { type: "broken" };
  if (!problem.retryable) {
    // INTERNAL: "A write may or may not have taken effect", whether or not it is said again.
    return { type: problem.status >= 500 && !isWithoutEffect(problem) ? "broken" : "final" };
  }
  return { type: "refused", retryAfterMs: retryAfterMs(answer) };
}

/** Codes of the 5xx range, not retryable, of which the table says that nothing was written. */
const isWithoutEffect = (problem: Problem): boolean => problem.code === "VALUE_UNREADABLE";

/** An answer without a problem document: some proxy's. Of its 5xx nothing certain is known. */
function classifyStranger(answer: HttpAnswer): AttemptFailure {
  return { type: answer.status >= 500 ? "broken" : "final" };
}

/** Retry-After in milliseconds; its date form is not used by any node and is ignored. */
function retryAfterMs(answer: HttpAnswer): number | null {
  const text = answer.headers["retry-after"];
  return typeof text === "string" && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : null;
}

/** Codes by which a node says: not here, not now. Another endpoint is the better choice. */
const unwillingCodes: ReadonlySet<string> = new Set([
  "NO_LEADER",
  "SHUTTING_DOWN",
  "NOT_BOOTSTRAPPED",
  "STARTING",
  "REMOVED",
  "CORRUPT",
]);

/** True when the code speaks of the node and not of the request: the next one belongs elsewhere. */
export const isUnwilling = (code: string): boolean => unwillingCodes.has(code);

/** What the attempt says about the endpoint. */
export function describeFailure(view: AttemptView, endings: Endings): AttemptOutcome {
  const { outcome } = view;
  if (outcome.type === "failed") {
    const isOurEnd = endings.isDeadline && !outcome.sent;
    if (endings.isCaller || endings.isClosed || isOurEnd) return { type: "abandoned" };
    return { type: "failed", reason: describeError(outcome.error) };
  }
  const { answer } = outcome;
  if (answer.status < 500) return { type: "answered", latencyMs: answer.latencyMs };
  const problem = decodeProblem(answer);
  if (problem === null) return { type: "failed", reason: `status ${answer.status}` };
  return isUnwilling(problem.code)
    ? { type: "failed", reason: problem.code }
    : { type: "abandoned" };
}

/** An AggregateError of undici ("happy eyeballs") has no message of its own. */
export function describeError(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (error.message !== "") return error.message;
  return code === "" ? error.name : code;
}

export interface FailedCall {
  readonly view: AttemptView;
  readonly verdict: RetryVerdict;
  readonly failure: AttemptFailure;
  readonly signals: Endings;
}

/** The error that the caller sees. */
export function toError(failed: FailedCall): KVClientError {
  const { view, verdict } = failed;
  const attempted = `${view.call.method} ${view.call.path} at ${view.endpoint}`;
  if (verdict === "outcomeUnknown") {
    const why = view.outcome.type === "failed" ? describeError(view.outcome.error) : describe(view);
    return new UnknownOutcomeError({
      message: `${attempted}: sent, and its outcome is unknown: ${why}`,
      ...context(view),
    });
  }
  if (view.outcome.type === "answer") return answerError(attempted, view, view.outcome.answer);
  return connectionError(attempted, failed, view.outcome.error);
}

function context(view: AttemptView): {
  endpoint: string;
  status: number | null;
  problem: Problem | null;
  cause: unknown;
} {
  const { outcome, endpoint } = view;
  if (outcome.type === "failed") {
    return { endpoint, status: null, problem: null, cause: outcome.error };
  }
  const { answer } = outcome;
  return { endpoint, status: answer.status, problem: decodeProblem(answer), cause: undefined };
}

function describe(view: AttemptView): string {
  if (view.outcome.type === "failed") return describeError(view.outcome.error);
  const problem = decodeProblem(view.outcome.answer);
  return problem === null
    ? `status ${view.outcome.answer.status} without a problem document`
    : `${problem.code}: ${problem.detail}`;
}

function answerError(attempted: string, view: AttemptView, answer: HttpAnswer): KVClientError {
  const problem = decodeProblem(answer);
  const message = `${attempted}: ${describe(view)}`;
  if (problem === null) return new KVClientError("BAD_ANSWER", { message, ...context(view) });
  const { code, retryable } = problem;
  const known = isErrorCode(code) ? errorInfo(code).retryable : retryable;
  return new KVClientError(code, { message, ...context(view), retryable: retryable && known });
}

function connectionError(attempted: string, failed: FailedCall, error: Error): KVClientError {
  const { failure, signals, view } = failed;
  const details = { message: `${attempted}: ${describeError(error)}`, ...context(view) };
  if (signals.isClosed) return new KVClientError("CLOSED", details);
  if (signals.isCaller) return new KVClientError("ABORTED", details);
  if (error instanceof AnswerTooLargeError) return new KVClientError("ANSWER_TOO_LARGE", details);
  if (signals.isDeadline) {
    return new KVClientError("DEADLINE_EXCEEDED", { ...details, retryable: true });
  }
  const code = failure.type === "notSent" ? "UNREACHABLE" : "CONNECTION_BROKEN";
  return new KVClientError(code, { ...details, retryable: true });
}
