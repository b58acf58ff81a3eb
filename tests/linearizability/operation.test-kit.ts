/**
 * What the checker is told: operations of concurrent clients with their outcomes, and the store's
 * own account of every revision. Keys are ASCII, so that string order is byte order.
 */

/** A key as the store gives it. */
export interface KeyRecord {
  readonly value: string;
  readonly modRevision: number;
  readonly createRevision: number;
  readonly version: number;
}

export interface NamedRecord extends KeyRecord {
  readonly key: string;
}

export type Condition =
  | { readonly type: "none" }
  | { readonly type: "absent" }
  | { readonly type: "exists" }
  | { readonly type: "modRevision"; readonly revision: number };

/** `value` null: the key is deleted. */
export interface BatchItem {
  readonly key: string;
  readonly value: string | null;
}

/** Every value that is written occurs in one request only. */
export type WriteRequest =
  | {
      readonly type: "put";
      readonly key: string;
      readonly value: string;
      readonly condition: Condition;
    }
  | { readonly type: "delete"; readonly key: string; readonly condition: Condition }
  | { readonly type: "deletePrefix"; readonly prefix: string }
  | { readonly type: "batch"; readonly items: readonly BatchItem[] };

/** `at` null: linearizable; else the state as of that revision. */
export type ReadRequest =
  | { readonly type: "get"; readonly key: string; readonly at: number | null }
  | { readonly type: "list"; readonly prefix: string; readonly at: number | null };

export type Request = WriteRequest | ReadRequest;

export type Answer =
  /** `created` only from a put, `puts` only from a batch. */
  | {
      readonly type: "written";
      readonly revision: number;
      readonly created?: boolean;
      readonly puts?: number;
      readonly deletes?: number;
    }
  /** A write that found nothing to do; `revision` is the store's when it was told. */
  | { readonly type: "nothing"; readonly revision: number | null }
  /** The key's modRevision when the condition was judged, 0 when it did not exist. */
  | { readonly type: "conditionFailed"; readonly modRevision: number }
  /** `revision`: the store's, when it was told. */
  | {
      readonly type: "record";
      readonly revision: number | null;
      readonly record: KeyRecord | null;
    }
  | {
      readonly type: "page";
      readonly revision: number;
      readonly records: readonly NamedRecord[];
    };

export type Outcome =
  | { readonly type: "ok"; readonly answer: Answer }
  /** Refused for good: it has no effect, ever. */
  | { readonly type: "failed" }
  /** It may have taken effect, or may still. */
  | { readonly type: "unknown" };

export interface Operation {
  readonly client: number;
  readonly request: Request;
  /** When it was called and answered, on one clock; any unit. */
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly outcome: Outcome;
}

/** `record` null: the key was deleted. */
export interface Change {
  readonly key: string;
  readonly record: KeyRecord | null;
}

/** What one revision did, as the store's history told it when all was over. */
export interface RevisionChanges {
  readonly revision: number;
  readonly changes: readonly Change[];
}

export interface History {
  /** The state before the first operation was called. */
  readonly base: { readonly revision: number; readonly records: readonly NamedRecord[] };
  readonly operations: readonly Operation[];
  /** Every revision after the base up to the last, in order. */
  readonly revisions: readonly RevisionChanges[];
}

export type Rule =
  /** The store's own account of its revisions is no history. */
  | "revisions are without gaps"
  | "records count their changes"
  /** Answers against that account. */
  | "one write per revision"
  | "a write does what was asked"
  | "nothing happens unasked"
  | "a condition is judged at its revision"
  /** Real time. */
  | "revisions follow real time"
  | "reads are not stale"
  | "reads show one revision";

export interface Violation {
  readonly rule: Rule;
  readonly message: string;
}

export const isWrite = (request: Request): request is WriteRequest =>
  request.type !== "get" && request.type !== "list";

/** For people: one operation in a line. */
export function describeOperation(operation: Operation): string {
  const { client, request, calledAt, returnedAt, outcome } = operation;
  const answer = outcome.type === "ok" ? JSON.stringify(outcome.answer) : outcome.type;
  const short = answer.length > 300 ? `${answer.slice(0, 300)}…` : answer;
  const time = `${calledAt.toFixed(3)}–${returnedAt.toFixed(3)}`;
  return `client ${client} at ${time}: ${JSON.stringify(request)} → ${short}`;
}
