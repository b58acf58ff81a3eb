/** What one step of the plan may answer. */
import type { Action, EventIntent } from "./action.ts";
import type { Facts } from "./facts.ts";
import { type EventReason, eventReasons, type ProgressingReason } from "./reasons.ts";

export type StepResult =
  /** Do this now; the steps after it wait for the next pass. */
  | {
      readonly type: "act";
      readonly reason: ProgressingReason;
      readonly message: string;
      readonly actions: readonly Action[];
      readonly events: readonly EventIntent[];
    }
  /** This is wanted and cannot be done yet; steps after it may go on. */
  | { readonly type: "wait"; readonly reason: ProgressingReason; readonly message: string }
  /** Wanted, and only a person or a change of circumstances can let it go on. */
  | {
      readonly type: "blocked";
      readonly reason: ProgressingReason;
      readonly message: string;
      /** Told as an Event of this reason when the message is new. */
      readonly event: EventReason;
    };

/** One step: a pure function of the facts. Null: there is nothing to do for it. */
export type Step = (facts: Facts) => StepResult | null;

export const event = (reason: EventReason, note: string): EventIntent => ({
  type: eventReasons[reason],
  reason,
  note,
});
