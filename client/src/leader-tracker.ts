/**
 * Learns who leads, from the nodes' own /readyz, while there are writes and a choice of endpoints.
 * It has no timer: it looks when it is asked and what it knows is old. A request never waits for
 * it.
 */
import type { Dispatcher } from "undici";
import { type ProbeOutcome, probeReadiness } from "./http/probe.ts";
import type { Picker } from "./picking/picker.ts";

export interface LeaderTrackerSettings {
  readonly leaderRefreshMs: number;
  readonly probeTimeoutMs: number;
}

/** After a failure the leader is looked for again, but not more often than this. */
const SUSPECT_REFRESH_MS = 250;

export class LeaderTracker {
  readonly #dispatcher: Dispatcher;
  readonly #picker: Picker;
  readonly #settings: LeaderTrackerSettings;
  #refreshing: Promise<void> | null = null;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #isSuspect = false;

  constructor(dispatcher: Dispatcher, picker: Picker, settings: LeaderTrackerSettings) {
    this.#dispatcher = dispatcher;
    this.#picker = picker;
    this.#settings = settings;
  }

  /** An attempt failed: leadership may have moved. */
  suspect(): void {
    this.#isSuspect = true;
  }

  /** Starts to look in the background when what is known is old. Does nothing for one endpoint. */
  refreshWhenStale(): void {
    if (this.#picker.urls.length < 2 || this.#refreshing !== null) return;
    const ageMs = performance.now() - this.#refreshedAtMs;
    const ageMaxMs = this.#isSuspect ? SUSPECT_REFRESH_MS : this.#settings.leaderRefreshMs;
    if (ageMs < ageMaxMs) return;
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = null;
    });
  }

  /** Resolves when no look-up is under way. */
  async idle(): Promise<void> {
    if (this.#refreshing !== null) await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    this.#refreshedAtMs = performance.now();
    this.#isSuspect = false;
    const { probeTimeoutMs } = this.#settings;
    const probed = await Promise.all(
      this.#picker.urls.map(async (url) => ({
        url,
        outcome: await probeReadiness(this.#dispatcher, url, probeTimeoutMs),
      })),
    );
    this.#picker.setLeader(leaderAmong(probed));
  }
}

export interface ProbedEndpoint {
  readonly url: string;
  readonly outcome: ProbeOutcome;
}

/**
 * The endpoint of the leader. A node that says "I lead" is believed first: endpoints may be written
 * in another way than the addresses that members announce (a port-forward, a Service).
 */
export function leaderAmong(probed: readonly ProbedEndpoint[]): string | null {
  const selfDeclared = probed.find(
    ({ outcome }) => outcome.type === "ready" && outcome.role === "leader",
  );
  if (selfDeclared !== undefined) return selfDeclared.url;
  const urls = new Set(probed.map(({ url }) => url));
  for (const { outcome } of probed) {
    const announced = outcome.type === "unreachable" ? null : outcome.leader;
    if (announced !== null && urls.has(announced.url)) return announced.url;
  }
  return null;
}
