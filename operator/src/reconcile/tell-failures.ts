/** Puts the failures of a pass into the status that was planned. Pure. */
import { type Condition, formatTime, type KVClusterStatus } from "../model/index.ts";
import type { Failure } from "./failure.ts";

/** Reason of a Degraded condition that this file makes; `docs/operations/conditions.md`. */
export const actionFailedReason = "ActionFailed";

/** An Event's or condition's message is for people: enough to act on, not a page. */
const MESSAGE_CHARACTERS_MAX = 400;

/** What passes by itself, or is expected while the cluster changes: no reason to alarm anybody. */
const passingCodes: ReadonlySet<string> = new Set([
  ...["conflict", "notFound", "alreadyExists", "gone"],
  ...["tooManyRequests", "unavailable", "timeout", "aborted"],
  ...["UNREACHABLE", "CONNECTION_BROKEN", "DEADLINE_EXCEEDED", "OUTCOME_UNKNOWN"],
  ...["CHANGE_REJECTED", "NO_LEADER", "OVERLOADED", "SHUTTING_DOWN", "STARTING"],
]);

export interface Told {
  /** As the resource has it: a condition that was True before keeps its time. */
  readonly live: KVClusterStatus;
  readonly generation: number;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * The first failure that does not pass by itself makes the cluster Degraded, unless it is so for a
 * reason of its own, to which the failure is added. Passing ones are told with Progressing, if
 * something progresses.
 */
export function tellFailures(
  status: KVClusterStatus,
  failures: readonly Failure[],
  told: Told,
): KVClusterStatus {
  const lasting = failures.find(({ code }) => !passingCodes.has(code));
  const failure = lasting ?? failures[0];
  if (failure === undefined) return status;
  const { attempted, code, message } = failure;
  const text = `Could not ${attempted} (${code}): ${message}`.slice(0, MESSAGE_CHARACTERS_MAX);
  const conditions = status.conditions ?? [];
  if (lasting === undefined)
    return { ...status, conditions: appendTo(conditions, "Progressing", text) };
  return { ...status, conditions: degrade(conditions, text, told) };
}

function appendTo(
  conditions: readonly Condition[],
  type: Condition["type"],
  text: string,
): readonly Condition[] {
  return conditions.map((condition) =>
    condition.type === type && condition.status === "True"
      ? { ...condition, message: withFailure(condition.message, text) }
      : condition,
  );
}

/**
 * A status that could not be planned is the one written before, whose message has the failure of
 * that pass: it is replaced, or the message would grow until the API server refuses it.
 */
function withFailure(message: string, text: string): string {
  const own = message.replace(/(^| )Could not .*$/s, "");
  return own === "" ? text : `${own} ${text}`;
}

function degrade(
  conditions: readonly Condition[],
  message: string,
  { live, generation, now }: Told,
): readonly Condition[] {
  const known = conditions.find(({ type }) => type === "Degraded");
  if (known?.status === "True") return appendTo(conditions, "Degraded", message);
  const before = live.conditions?.find(({ type }) => type === "Degraded");
  const made: Condition = {
    type: "Degraded",
    status: "True",
    reason: actionFailedReason,
    message,
    observedGeneration: generation,
    lastTransitionTime: before?.status === "True" ? before.lastTransitionTime : formatTime(now),
  };
  return known === undefined
    ? [...conditions, made]
    : conditions.map((condition) => (condition === known ? made : condition));
}
