/** What a run did, in figures; and whether it did enough to say anything. */
import type { History, Operation } from "./operation.test-kit.ts";

/** Answered operations a second, below which a run proves too little. */
export const OPERATIONS_PER_SECOND_MIN = 40;

export type Counts = Record<string, { ok: number; failed: number; unknown: number }>;

export class Figures {
  readonly operations: Counts = {};
  readonly faults: Record<string, number> = {};
  rounds = 0;
  revisions = 0;
  /** Writes of unknown outcome that turned out to have taken effect. */
  resolved = 0;
  checkerMs = 0;
  /** Time under load and faults. */
  loadMs = 0;
  longestWritePauseMs = 0;
  #lastRound = "";

  constructor(faults: readonly string[]) {
    for (const name of faults) this.faults[name] = 0;
  }

  get faultsPlayed(): number {
    return Object.values(this.faults).reduce((sum, count) => sum + count, 0);
  }

  total(outcome: "ok" | "failed" | "unknown"): number {
    return Object.values(this.operations).reduce((sum, counts) => sum + counts[outcome], 0);
  }

  addFault(name: string): void {
    this.faults[name] = (this.faults[name] ?? 0) + 1;
  }

  addLoad(operations: readonly Operation[], startedMs: number, endedMs: number): void {
    this.rounds += 1;
    this.loadMs += endedMs - startedMs;
    for (const { request, outcome } of operations) {
      const counts = this.operations[kindOf(request)] ?? { ok: 0, failed: 0, unknown: 0 };
      counts[outcome.type] += 1;
      this.operations[kindOf(request)] = counts;
    }
    const times = operations
      .flatMap(({ outcome, returnedAt }) =>
        outcome.type === "ok" && outcome.answer.type === "written" ? [returnedAt] : [],
      )
      .sort((a, b) => a - b);
    let before = startedMs;
    for (const time of [...times, endedMs]) {
      this.longestWritePauseMs = Math.max(this.longestWritePauseMs, time - before);
      before = time;
    }
  }

  addCheck(history: History, resolved: number, checkerMs: number): void {
    const { operations, revisions } = history;
    this.revisions += revisions.length;
    this.resolved += resolved;
    this.checkerMs += checkerMs;
    this.#lastRound =
      `${operations.length} operations and ${revisions.length} revisions checked ` +
      `in ${checkerMs.toFixed(0)} ms, ${resolved} unknown writes had taken effect`;
  }

  describeLastRound(): string {
    return this.#lastRound;
  }

  /** Why the run says too little; empty when it does not. */
  shortcomings(): readonly string[] {
    const perSecond = this.total("ok") / (this.loadMs / 1_000);
    const few = perSecond < OPERATIONS_PER_SECOND_MIN;
    const rate = `${perSecond.toFixed(0)} operations a second, wanted ${OPERATIONS_PER_SECOND_MIN}`;
    const missing = Object.entries(this.faults).flatMap(([name, count]) =>
      count === 0 ? [`no fault of kind "${name}"`] : [],
    );
    return [...(few ? [rate] : []), ...missing];
  }

  lines(): readonly string[] {
    const operations = Object.entries(this.operations).map(
      ([kind, { ok, failed, unknown }]) => `${kind} ${ok}/${failed}/${unknown}`,
    );
    return [
      `${this.rounds} rounds, ${(this.loadMs / 1_000).toFixed(0)} s under load,` +
        ` ${this.faultsPlayed} faults, ${this.revisions} revisions`,
      `operations ok/failed/unknown: ${operations.join(", ")}`,
      `${this.resolved} unknown writes had taken effect; longest pause between two writes` +
        ` ${this.longestWritePauseMs.toFixed(0)} ms; checked in ${this.checkerMs.toFixed(0)} ms`,
    ];
  }
}

function kindOf(request: Operation["request"]): string {
  switch (request.type) {
    case "get":
    case "list":
      return request.at === null ? request.type : `${request.type} of the past`;
    case "put":
      return request.condition.type === "none" ? "put" : "compare-and-set";
    case "delete":
      return request.condition.type === "none" ? "delete" : "conditional delete";
    case "deletePrefix":
      return "range delete";
    case "batch":
      return "batch";
  }
}
