/** A condition before it has its times, and how it gets them (Kubernetes API conventions). */
import type { Condition, KVClusterStatus } from "../api/types.ts";
import { formatTime } from "../time.ts";

export interface Finding<Reason extends string> {
  readonly status: Condition["status"];
  readonly reason: Reason;
  /** For people. Stable while nothing changes: no ages, no counters. */
  readonly message: string;
}

/** The time changes only with `status`, not with the reason or the message. */
export function toCondition(
  type: Condition["type"],
  finding: Finding<string>,
  told: { readonly live: KVClusterStatus; readonly generation: number; readonly now: number },
): Condition {
  const before = conditionOf(told.live, type);
  return {
    type,
    ...finding,
    observedGeneration: told.generation,
    lastTransitionTime:
      before?.status === finding.status ? before.lastTransitionTime : formatTime(told.now),
  };
}

export const conditionOf = (
  status: KVClusterStatus | undefined,
  type: Condition["type"],
): Condition | null => status?.conditions?.find((condition) => condition.type === type) ?? null;
