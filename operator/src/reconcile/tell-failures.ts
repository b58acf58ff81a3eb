/** Puts the failures of a pass into the status that was planned. Pure. */
import {
  type Condition,
  type EventIntent,
  type EventReason,
  eventReasons,
  formatTime,
  type KVClusterStatus,
  parseTime,
} from "../model/index.ts";
import { type Failure, isRefusal, refusedEvictionCode } from "./failure.ts";

/** Reason of a Degraded condition that this file makes; `docs/operations/conditions.md`. */
export const actionFailedReason = "ActionFailed";

/** An Event's or condition's message is for people: enough to act on, not a page. */
const MESSAGE_CHARACTERS_MAX = 400;

/** A refusal that passes by itself and has not for so long is a fault. */
const REFUSED_FOR_MS = 300_000;

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
  const lasting = failures.find((failure) => isLasting(failure, told));
  const failure = lasting ?? failures[0];
  if (failure === undefined) return status;
  const { attempted, code, message } = failure;
  const since = isRefusal(failure) ? ` since ${formatTime(refusedSince(failure, told))}` : "";
  const said = `Could not ${attempted} (${code}${since}): ${message}`;
  const text = said.slice(0, MESSAGE_CHARACTERS_MAX);
  const conditions = status.conditions ?? [];
  if (lasting === undefined)
    return { ...status, conditions: appendTo(conditions, "Progressing", text) };
  return { ...status, conditions: degrade(conditions, text, told) };
}

function isLasting(failure: Failure, told: Told): boolean {
  if (!isRefusal(failure)) return !passingCodes.has(failure.code);
  return told.now - refusedSince(failure, told) > REFUSED_FOR_MS;
}

/** ms since the epoch, as the status tells of the same refusal: nothing else is kept. */
function refusedSince({ attempted, code }: Failure, { live, now }: Told): number {
  const words = `Could not ${attempted} (${code} since `;
  const told = live.conditions?.find(({ message }) => message.includes(words))?.message ?? "";
  const time = told.slice(told.indexOf(words) + words.length).split(")", 1)[0] ?? "";
  return told === "" ? now : (parseTime(time) ?? now);
}

/** An eviction that was refused restarts nothing: the Event says that instead. */
export function withRefusals(
  events: readonly EventIntent[],
  failures: readonly Failure[],
): readonly EventIntent[] {
  const refusals = failures.filter(({ code }) => code === refusedEvictionCode);
  if (refusals.length === 0) return events;
  const reason: EventReason = "EvictionRefused";
  return [
    ...events.filter((event) => event.reason !== "RestartingPod"),
    ...refusals.map(({ attempted, message }) => ({
      type: eventReasons[reason],
      reason,
      note: `Could not ${attempted}: ${message}`,
    })),
  ];
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
