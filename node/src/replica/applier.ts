/**
 * Keeps the state machine going behind the commit index. Requests go to the store at once, a
 * bounded number at a time; the store merges those that wait into one batch.
 */
import type { LogIndex } from "../raft/index.ts";
import type { Applied, StateSummary, Store } from "./ports.ts";

/** Apply requests under way at once; more would only wait in the store. */
const APPLIES_IN_FLIGHT_MAX = 4;

export class Applier {
  readonly #store: Pick<Store, "apply">;
  readonly #onApplied: (applied: Applied) => void;
  #summary: StateSummary;
  #requested: LogIndex;
  #wanted: LogIndex;
  #inFlight = 0;
  #entriesApplied = 0;

  constructor(
    store: Pick<Store, "apply">,
    summary: StateSummary,
    onApplied: (applied: Applied) => void,
  ) {
    this.#store = store;
    this.#summary = summary;
    this.#requested = summary.appliedIndex;
    this.#wanted = summary.appliedIndex;
    this.#onApplied = onApplied;
  }

  /** Figures of the state as of the last completed apply. */
  get summary(): StateSummary {
    return this.#summary;
  }
  get entriesApplied(): number {
    return this.#entriesApplied;
  }

  request(commitIndex: LogIndex): void {
    if (commitIndex > this.#wanted) this.#wanted = commitIndex;
    if (this.#wanted <= this.#requested || this.#inFlight >= APPLIES_IN_FLIGHT_MAX) return;
    this.#requested = this.#wanted;
    this.#inFlight += 1;
    this.#store.apply(this.#requested, (applied) => this.#completed(applied));
  }

  /** The state was replaced by a snapshot. */
  restart(summary: StateSummary): void {
    this.#summary = summary;
    if (summary.appliedIndex > this.#requested) this.#requested = summary.appliedIndex;
    if (summary.appliedIndex > this.#wanted) this.#wanted = summary.appliedIndex;
  }

  #completed(applied: Applied): void {
    this.#inFlight -= 1;
    this.#entriesApplied += applied.summary.appliedIndex - this.#summary.appliedIndex;
    this.#summary = applied.summary;
    this.#onApplied(applied);
    this.request(this.#wanted);
  }
}
