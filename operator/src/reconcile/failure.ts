/**
 * What went wrong in a pass, as a value: told in the resource's status, logged and counted by the
 * controller. Pure; knows errors of `kube/` and `members/` only by their `code`.
 */
import type { Action } from "../model/index.ts";

export interface Failure {
  /** What was tried, with names: `addMember demo-1`. */
  readonly attempted: string;
  /** The error's stable code: a `KubeError`'s, a `MembersError`'s or a node's problem code. */
  readonly code: string;
  /** For people. Holds no secret: ports keep them out of their messages. */
  readonly message: string;
  /** Kept for the log. */
  readonly cause: unknown;
}

/** What an error without a code of its own is called: a bug of the operator. */
export const internalCode = "internal";
/** An eviction that a PodDisruptionBudget refuses: others' nodes have to come back first. */
export const refusedEvictionCode = "disruptionBudget";
/** A write that was worked out from an old object; the next pass sees the new one. */
export const conflictCode = "conflict";

export function codeOf(error: unknown): string {
  const hasCode = typeof error === "object" && error !== null && "code" in error;
  return hasCode && typeof error.code === "string" ? error.code : internalCode;
}

export function toFailure(attempted: string, error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return { attempted, code: codeOf(error), message, cause: error };
}

const refusals: ReadonlySet<string> = new Set([refusedEvictionCode, "LEADER_UNCHANGED"]);

/** It passes by itself, but not within milliseconds; if it lasts, somebody has to look. */
export const isRefusal = ({ code }: Failure): boolean => refusals.has(code);

/** Says what an action is, in few words and without figures that change from pass to pass. */
export function describeAction(action: Action): string {
  switch (action.type) {
    case "apply":
      return `apply ${action.object.kind} ${action.object.metadata.name}`;
    case "deleteChild":
      return `delete ${action.object.kind} ${action.object.metadata.name}`;
    case "createSecret":
      return `create Secret ${action.name}`;
    case "orphanStatefulSet":
      return "make the StatefulSet anew";
    case "resizeClaim":
      return `grow claim ${action.claim} to ${action.size}`;
    case "setOwned":
      return `${action.isOwned ? "own" : "disown"} ${action.kind} ${action.name}`;
    case "deletePod":
      return `delete pod ${action.pod}`;
    case "evictPod":
      return `evict pod ${action.pod}`;
    case "deleteClaim":
      return `delete claim ${action.claim}`;
    case "bootstrap":
      return `bootstrap ${action.pod}`;
    case "addMember":
      return `add member ${action.pod}`;
    case "removeMember":
    case "updateAddresses":
      return `${action.type === "removeMember" ? "remove" : "move"} member ${action.member}`;
    case "transferLeadership":
      return `hand leadership to ${action.to ?? "the best voter"}`;
  }
}
