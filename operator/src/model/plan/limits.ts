/** How long the planner waits for what, and how far behind still counts as caught up. */

/** Entries behind the leader: the node's default for promoting a learner (`promotionGapMax`). */
export const CAUGHT_UP_LAG_MAX = 100;
/** A member counts as lagging above this: so far behind it would hold up a failover. */
export const LAGGING_LAG_MIN = 10_000;
/** A pod that is not ready for so long hangs, also when it names no problem. */
export const STUCK_AFTER_MS = 120_000;
/** A new pod may be looked at before its claim is there: the scheduler tries again by itself. */
export const UNSCHEDULED_AFTER_MS = 10_000;
/** A member that is away for less is being restarted: no reason to call the cluster degraded. */
export const DEGRADED_AFTER_MS = 60_000;
/** A pod of the new revision that is not ready by then stops the roll. */
export const ROLL_READY_WITHIN_MS = 300_000;
/** Replacements are counted over this window. */
export const REPLACEMENTS_WINDOW_MS = 86_400_000;

/** Look again after so long: something was done, is awaited, is wrong, or all is well. */
export const requeueMs = {
  acted: 1_000,
  waiting: 2_000,
  degraded: 10_000,
  settled: 30_000,
} as const;
