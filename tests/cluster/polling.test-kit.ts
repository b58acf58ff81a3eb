/** Waiting for what must become true: asks again and again until a deadline, never blindly. */
import assert from "node:assert/strict";

/** Long enough for anything on a machine that is busy with other things. */
export const WAIT_MS = 60_000;
const EVERY_MS = 25;

export interface WaitOptions {
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/** The time between two looks. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks until the answer is neither null nor false. What the check throws counts as "not yet" and is
 * told when time is up.
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | null | false> | T | null | false,
  { withinMs = WAIT_MS, everyMs = EVERY_MS }: WaitOptions = {},
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    let lastError: unknown = null;
    try {
      const value = await check();
      if (value !== null && value !== false) return value;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) {
      const why = lastError instanceof Error ? `: ${lastError.message}` : "";
      assert.fail(`not within ${withinMs} ms: ${what}${why}`);
    }
    await pause(everyMs);
  }
}

/** Calls `task` for each item, so many at a time. */
export async function forEachAtMost<T>(
  items: readonly T[],
  concurrency: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) await task(item);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}
