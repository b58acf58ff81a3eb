/** Waiting for a cluster to get somewhere: looks until a deadline, then tells what it saw last. */
import assert from "node:assert/strict";
import { pause } from "../../cluster/polling.test-kit.ts";

/** Not there yet; `state` is what a reader of a failure wants to know. */
export class NotYet {
  readonly state: string;

  constructor(state: string) {
    this.state = state;
  }
}

export interface Patience {
  readonly withinMs: number;
  readonly everyMs?: number;
}

/** @returns what `look` found. What it throws is "not yet" too. */
export async function becomes<T>(
  what: string,
  look: () => Promise<T | NotYet>,
  { withinMs, everyMs = 500 }: Patience,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const seen = await look().catch((error: unknown) => new NotYet(String(error)));
    if (!(seen instanceof NotYet)) return seen;
    if (performance.now() > deadlineMs) {
      assert.fail(`not within ${withinMs / 1_000} s: ${what}\nlast seen: ${seen.state}`);
    }
    await pause(everyMs);
  }
}

interface Definition {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
  };
}

/**
 * The API server serves what the definition defines. Not by `kubectl wait`: that ends with an error
 * when it looks at a definition whose status has no conditions yet.
 * @param read gives the definition as it is now
 */
export async function isEstablished(name: string, read: () => Promise<Definition>): Promise<void> {
  await becomes(
    `the definition ${name} is established`,
    async () => {
      const conditions = (await read()).status?.conditions ?? [];
      const told = conditions.find(({ type }) => type === "Established")?.status;
      return told === "True" || new NotYet(told ?? "not told");
    },
    { withinMs: 60_000 },
  );
}

/** Seconds that a task took, and what it gave. */
export async function timed<T>(task: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const startedMs = performance.now();
  const value = await task();
  return { value, seconds: Math.round((performance.now() - startedMs) / 100) / 10 };
}
