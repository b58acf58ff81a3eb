/** Waiting for something to become true: asks again and again, within a deadline, never blindly. */

export interface PollOptions {
  readonly everyMs: number;
  readonly withinMs: number;
  /** Ends the waiting at once. */
  readonly signal: AbortSignal;
}

/** How waiting ended. `last`: what the check said when time was up. */
export type PollOutcome<T> =
  | { readonly type: "found"; readonly value: T }
  | { readonly type: "timedOut" }
  | { readonly type: "aborted" };

/** Asks until the check gives something else than null. What it throws ends the waiting. */
export async function poll<T>(
  check: () => Promise<T | null>,
  options: PollOptions,
): Promise<PollOutcome<T>> {
  const deadlineMs = performance.now() + options.withinMs;
  for (;;) {
    if (options.signal.aborted) return { type: "aborted" };
    const value = await check();
    if (value !== null) return { type: "found", value };
    if (performance.now() >= deadlineMs) return { type: "timedOut" };
    await pause(options.everyMs, options.signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
