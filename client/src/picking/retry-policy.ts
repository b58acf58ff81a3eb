/**
 * When a failed attempt may be made again, and after how long. Pure.
 *
 * The rule that matters: a write is repeated only when it certainly had no effect. A client that
 * repeats a write of unknown outcome applies it twice, or answers a compare-and-set with a conflict
 * against itself (the bug of jetcd and of TiDB's client).
 */

/** What one attempt came to, as far as repeating it is concerned. */
export type AttemptFailure =
  /** Not one byte of the request left: refused, not resolved, still queued. */
  | { readonly type: "notSent" }
  /** The server says that it did not carry the request out and that repeating may help. */
  | { readonly type: "refused"; readonly retryAfterMs: number | null }
  /** The server says that it did not carry the request out, and repeating is of no use. */
  | { readonly type: "final" }
  /** The request left and no trustworthy answer came. */
  | { readonly type: "broken" };

export type RequestKind = "read" | "write";

export type RetryVerdict = "retry" | "fail" | "outcomeUnknown";

/** May the request be sent again? Limits and deadlines are the caller's. */
export function judge(kind: RequestKind, failure: AttemptFailure): RetryVerdict {
  switch (failure.type) {
    case "notSent":
    case "refused":
      return "retry";
    case "final":
      return "fail";
    case "broken":
      return kind === "read" ? "retry" : "outcomeUnknown";
  }
}

export interface BackoffSettings {
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** A server's Retry-After is believed up to this. */
  readonly retryAfterMaxMs: number;
}

/** Exponential, half of it random ("equal jitter"), never less than a believable Retry-After. */
export function backoffMs(
  retry: { readonly number: number; readonly retryAfterMs: number | null },
  settings: BackoffSettings,
  random: () => number,
): number {
  const ceiling = Math.min(
    settings.backoffMaxMs,
    settings.backoffBaseMs * 2 ** Math.min(retry.number, 30),
  );
  const own = ceiling / 2 + (ceiling / 2) * random();
  return Math.max(own, Math.min(retry.retryAfterMs ?? 0, settings.retryAfterMaxMs));
}

export interface RetryBudgetSettings {
  /** Retries that may be made in a burst. */
  readonly retryBudgetMax: number;
  /** What each request that is not a retry adds to the budget: 0.2 allows one retry in five. */
  readonly retryBudgetRatio: number;
}

/**
 * Keeps a struggling cluster from being buried under repetitions (gRPC A6, Finagle): each request
 * earns a fraction of a retry, each retry costs one.
 */
export class RetryBudget {
  readonly #settings: RetryBudgetSettings;
  #balance: number;

  constructor(settings: RetryBudgetSettings) {
    this.#settings = settings;
    this.#balance = settings.retryBudgetMax;
  }

  get balance(): number {
    return this.#balance;
  }

  deposit(): void {
    const { retryBudgetMax, retryBudgetRatio } = this.#settings;
    this.#balance = Math.min(retryBudgetMax, this.#balance + retryBudgetRatio);
  }

  /** Takes one retry out; false when there is none left. */
  withdraw(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
