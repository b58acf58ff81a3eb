/**
 * The one error of this folder: what was asked of the API server, what it said, and a stable code
 * to act on. Owns the translation of HTTP answers (metav1.Status) into codes.
 */
import type { KubeErrorCode } from "../reconcile/index.ts";
import { isRecord, numberOf, recordOf, recordsOf, textOf } from "./decode-json.ts";

export interface KubeErrorDetails extends ErrorOptions {
  /** HTTP status; null when there was no answer. */
  readonly status?: number | null;
  /** What the API server asked us to wait. */
  readonly retryAfterMs?: number | null;
}

export class KubeError extends Error {
  override readonly name: string = "KubeError";
  readonly code: KubeErrorCode;
  readonly status: number | null;
  readonly retryAfterMs: number | null;

  constructor(code: KubeErrorCode, message: string, details: KubeErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.status = details.status ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/** Whether `error` is a KubeError of one of these codes. */
export function isKubeError(error: unknown, ...codes: readonly KubeErrorCode[]): boolean {
  return error instanceof KubeError && (codes.length === 0 || codes.includes(error.code));
}

export interface FailedAnswer {
  /** `GET /api/v1/…`, without query. */
  readonly asked: string;
  readonly status: number;
  readonly body: string;
  /** Header `Retry-After`, in seconds; `""` when it was not sent. */
  readonly retryAfter: string;
  /** The server's words might quote what was sent, and that is secret. */
  readonly isConcealed: boolean;
}

const byReason: ReadonlyMap<string, KubeErrorCode> = new Map([
  ["NotFound", "notFound"],
  ["AlreadyExists", "alreadyExists"],
  ["Conflict", "conflict"],
  ["Gone", "gone"],
  ["Expired", "gone"],
  ["Forbidden", "forbidden"],
  ["Unauthorized", "unauthorized"],
  ["Invalid", "invalid"],
  ["BadRequest", "invalid"],
  ["TooManyRequests", "tooManyRequests"],
  ["ServerTimeout", "unavailable"],
  ["Timeout", "timeout"],
]);

const byStatus: ReadonlyMap<number, KubeErrorCode> = new Map([
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "notFound"],
  [409, "conflict"],
  [410, "gone"],
  [429, "tooManyRequests"],
  [504, "timeout"],
]);

const MESSAGE_CHARACTERS_MAX = 1000;

/**
 * How the API server begins when an applied object has a field that its schema does not know, or a
 * value of another type (1.37: a plain error of the apply, hence 500). It will never take it.
 */
const UNTYPED_APPLY = "failed to create typed patch object";

/** A pod that two budgets select is evicted by nobody, whatever comes (1.37: 500). */
const MANY_BUDGETS = "This pod has more than one PodDisruptionBudget";

/** The error that an answer other than 2xx stands for. */
export function errorOfAnswer(answer: FailedAnswer): KubeError {
  const { asked, status, body, isConcealed } = answer;
  const said = parseStatus(body);
  const reason = textOf(said["reason"]) ?? "";
  const words = textOf(said["message"]) ?? body;
  const budget = budgetIn(said);
  const all = budget === null ? words : `${words} ${budget}`;
  const told = isConcealed ? "" : `: ${all.slice(0, MESSAGE_CHARACTERS_MAX)}`;
  const isForever = words.startsWith(UNTYPED_APPLY) || words.includes(MANY_BUDGETS);
  const isRefused = status === 500 && isForever;
  const plain = byReason.get(reason) ?? byStatus.get(status) ?? codeOfClass(status);
  const known = budget === null ? plain : "disruptionBudget";
  const code = isRefused ? "invalid" : known;
  return new KubeError(code, `${asked} answered ${status} ${reason}${told}`, {
    status,
    retryAfterMs: retryAfterMs(answer.retryAfter, said),
  });
}

/** What refuses an eviction, with its numbers; null: it is no budget. */
function budgetIn(said: Readonly<Record<string, unknown>>): string | null {
  const causes = recordsOf(recordOf(said["details"])?.["causes"]);
  const cause = causes.find(({ reason }) => reason === "DisruptionBudget");
  return cause === undefined ? null : (textOf(cause["message"]) ?? "");
}

/** The error in a watch's ERROR event, whose object is a metav1.Status. */
export function errorOfWatchEvent(asked: string, object: unknown): KubeError {
  const said = recordOf(object) ?? {};
  const status = numberOf(said["code"]) ?? 500;
  return errorOfAnswer({
    asked: `watching ${asked}`,
    status,
    body: JSON.stringify(said),
    retryAfter: "",
    isConcealed: false,
  });
}

function codeOfClass(status: number): KubeErrorCode {
  if (status >= 500) return "unavailable";
  return status >= 400 ? "invalid" : "malformed";
}

function parseStatus(body: string): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(body);
    return isRecord(said) ? said : {};
  } catch {
    // Not from the API server's own handlers: a proxy's page, or nothing. The text itself is told.
    return {};
  }
}

function retryAfterMs(header: string, said: Readonly<Record<string, unknown>>): number | null {
  const inBody = numberOf(recordOf(said["details"])?.["retryAfterSeconds"]);
  const seconds = /^\d{1,6}$/.test(header) ? Number(header) : inBody;
  return seconds === null || seconds === undefined ? null : seconds * 1000;
}
