/** What a failed seed says: the promise, the last events, and the one command that replays it. */
import type { Outcome } from "./simulation.test-kit.ts";

const EVENTS_SHOWN = 120;

export const replayCommand = (seed: number): string =>
  `make simulate SEED=${seed}   (node tests/simulation/main.ts --seed ${seed})`;

/** Text for people; `events` of the trace at its end. */
export const describeFailure = (outcome: Outcome, events: number = EVENTS_SHOWN): string => {
  const { seed, violation, trace, steps, simulatedUs, scenario } = outcome;
  if (violation === null) return `seed ${seed} passed`;
  const lines = trace.last(events).map((line) => clip(line, 400));
  return [
    `seed ${seed} broke a promise after ${steps} steps, ` +
      `${(simulatedUs / 1e6).toFixed(3)} s simulated`,
    violation.message,
    `scenario ${JSON.stringify(scenario)}`,
    `the last ${lines.length} of ${trace.count} events:`,
    ...lines,
    `${violation.message.split("\n")[0]}`,
    `replay with: ${replayCommand(seed)}`,
  ].join("\n");
};

const clip = (line: string, length: number): string =>
  line.length > length ? `${line.slice(0, length)}…` : line;
