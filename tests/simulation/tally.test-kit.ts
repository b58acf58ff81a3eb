/** Adds runs up, and says how much time they cost and how much they simulated. */
import { Coverage } from "./coverage.test-kit.ts";
import type { Outcome } from "./simulation.test-kit.ts";

const YEAR_US = 365 * 86_400 * 1e6;

export const inYears = (us: number): number => us / YEAR_US;

export interface Figures {
  readonly seeds: number;
  readonly steps: number;
  readonly faults: number;
  /** Simulated, event by event. */
  readonly playedS: number;
  /** Of a cluster at rest, leapt over. */
  readonly leaptDays: number;
  readonly years: number;
  readonly realS: number;
  readonly processorS: number;
}

export class Tally {
  readonly coverage: Coverage = new Coverage();
  readonly failed: number[] = [];
  #seeds = 0;
  #steps = 0;
  #playedUs = 0;
  #leaptUs = 0;
  readonly #startedMs = performance.now();
  readonly #processor = process.cpuUsage();

  add(outcome: Outcome): void {
    this.#seeds += 1;
    this.#steps += outcome.steps;
    this.#playedUs += outcome.simulatedUs;
    this.#leaptUs += outcome.leaptUs;
    this.coverage.add(outcome.coverage);
    if (outcome.violation !== null) this.failed.push(outcome.seed);
  }

  get elapsedS(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  figures(): Figures {
    const { user, system } = process.cpuUsage(this.#processor);
    return {
      seeds: this.#seeds,
      steps: this.#steps,
      faults: this.coverage.sum("fault "),
      playedS: this.#playedUs / 1e6,
      leaptDays: this.#leaptUs / 1e6 / 86_400,
      years: inYears(this.#playedUs + this.#leaptUs),
      realS: this.elapsedS,
      processorS: (user + system) / 1e6,
    };
  }

  report(): string {
    const all = this.figures();
    const { seeds, steps, faults, playedS, leaptDays, years, realS, processorS } = all;
    const simulatedS = playedS + leaptDays * 86_400;
    const busy = ((playedS / simulatedS) * 100).toFixed(4);
    return [
      ...this.coverage.lines(),
      `${seeds} seeds in ${realS.toFixed(1)} s, ${processorS.toFixed(1)} s of processor time`,
      `event by event: ${playedS.toFixed(0)} s simulated, ${(playedS / realS).toFixed(1)} times ` +
        `real time, ${(playedS / processorS).toFixed(1)} times processor time; ` +
        `${steps} steps (${(steps / realS).toFixed(0)} a second), ` +
        `${faults} faults (${(faults / realS).toFixed(1)} a second)`,
      `with quiet time: ${years.toFixed(2)} years (${leaptDays.toFixed(0)} days of clusters at ` +
        `rest were leapt over; ${busy} % was played), ` +
        `${(simulatedS / realS).toFixed(0)} times real time`,
    ].join("\n");
  }
}
