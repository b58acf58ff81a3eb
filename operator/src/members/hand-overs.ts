/**
 * Which leaders were asked to hand over and lead all the same. A transfer that the leader agrees to
 * may come to nothing: the target does not win. Asked anew each second, the leader would hold its
 * writes back each time. Lost with the process, which costs one request.
 */
import type { ClusterKey } from "../reconcile/index.ts";

const BACKOFF_BASE_MS = 5_000;
const BACKOFF_MAX_MS = 60_000;
/** After so long without a request it is another matter. */
const FORGOTTEN_AFTER_MS = 300_000;

interface Asked {
  readonly leader: string;
  readonly times: number;
  /** ms, monotonic. */
  readonly at: number;
}

/** `first`: ask; `again`: ask, though it was in vain before; `wait`: it was asked a moment ago. */
export type HandOverTurn = "first" | "again" | "wait";

export class HandOvers {
  readonly #asked = new Map<string, Asked>();
  readonly #monotonic: () => number;

  /** @param monotonic ms that never go back */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Whether the leader may be asked now; unless it has to wait, it counts as asked. */
  take(key: ClusterKey, leader: string): HandOverTurn {
    const now = this.#monotonic();
    const known = this.#asked.get(textOf(key));
    const isKnown = known?.leader === leader && now - known.at <= FORGOTTEN_AFTER_MS;
    const times = isKnown ? known.times : 0;
    const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (times - 1));
    if (isKnown && now < known.at + delayMs) return "wait";
    this.#asked.set(textOf(key), { leader, times: times + 1, at: now });
    return times === 0 ? "first" : "again";
  }

  forget(key: ClusterKey): void {
    this.#asked.delete(textOf(key));
  }
}

const textOf = ({ namespace, name }: ClusterKey): string => `${namespace}/${name}`;
