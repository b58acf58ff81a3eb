/**
 * What is known of one endpoint: requests under way, a latency average that decays, and health.
 * Pure arithmetic over a given time; it never reads a clock and never sends anything.
 */

/**
 * From best to worst. `ready`: serves linearizable requests, or nothing is known against it.
 * `unready`: answers, and says that it cannot serve (stale reads and status still work there).
 * `unreachable`: does not answer.
 */
export type EndpointHealth = "ready" | "unready" | "unreachable";

/** Why the health is what it is, for status pages and messages. */
export interface EndpointView {
  readonly url: string;
  readonly health: EndpointHealth;
  readonly reason: string;
  readonly isLeader: boolean;
  readonly inFlight: number;
  readonly latencyMs: number;
  readonly consecutiveFailures: number;
  readonly answered: number;
  readonly failed: number;
}

/** What a request is taken to cost where one waits and none was ever answered (Finagle). */
const UNPROVEN_LATENCY_MS = 60_000;

export interface EndpointSettings {
  /** Time constant with which a latency sample is forgotten. */
  readonly latencyDecayMs: number;
  /** No endpoint is taken for faster than this, so that in-flight decides between fast ones. */
  readonly latencyFloorMs: number;
  /** After a failure an endpoint is left alone for so long, doubling with each further one. */
  readonly ejectionBaseMs: number;
  readonly ejectionMaxMs: number;
}

export class Endpoint {
  readonly url: string;
  readonly #settings: EndpointSettings;
  #inFlight = 0;
  consecutiveFailures = 0;
  answered = 0;
  failed = 0;
  /** null: nothing was ever answered. */
  #latencyMs: number | null = null;
  #latencyAtMs = 0;
  /** When a request was last answered, or the first of those that wait was sent. */
  #progressAtMs = 0;
  #reported: EndpointHealth = "ready";
  #reason = "";
  #ejectedUntilMs = 0;

  constructor(url: string, settings: EndpointSettings) {
    this.url = url;
    this.#settings = settings;
  }

  /** Requests sent and not yet answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  begin(nowMs: number): void {
    if (this.#inFlight === 0) this.#progressAtMs = nowMs;
    this.#inFlight += 1;
  }

  end(nowMs: number): void {
    this.#inFlight -= 1;
    this.#progressAtMs = nowMs;
  }

  /** Health at a time: a passive ejection ends by itself, a reported state stays. */
  health(nowMs: number): EndpointHealth {
    return nowMs < this.#ejectedUntilMs ? "unreachable" : this.#reported;
  }

  get reason(): string {
    return this.#reason;
  }

  /** The average of the answers, faded with time. */
  #averageMs(nowMs: number): number {
    const kept = Math.exp(-Math.max(0, nowMs - this.#latencyAtMs) / this.#settings.latencyDecayMs);
    return Math.max(this.#settings.latencyFloorMs, (this.#latencyMs ?? 0) * kept);
  }

  /** What an answer is expected to take: where requests wait, at least as long as they do. */
  latencyMs(nowMs: number): number {
    if (this.#inFlight === 0) return this.#averageMs(nowMs);
    if (this.#latencyMs === null) return UNPROVEN_LATENCY_MS;
    return Math.max(this.#averageMs(nowMs), nowMs - this.#progressAtMs);
  }

  /** What one more request is expected to cost here. */
  cost(nowMs: number): number {
    return (this.#inFlight + 1) * this.latencyMs(nowMs);
  }

  /** Peak EWMA: a slow answer counts at once, a fast one only gradually (Finagle). */
  recordAnswer(latencyMs: number, nowMs: number): void {
    const before = this.#averageMs(nowMs);
    const elapsedMs = Math.max(0, nowMs - this.#latencyAtMs);
    const kept = Math.exp(-elapsedMs / this.#settings.latencyDecayMs);
    // A burst of samples must not freeze the average: each counts for at least a twentieth.
    const weight = Math.max(1 - kept, 0.05);
    this.#latencyMs = latencyMs > before ? latencyMs : before + (latencyMs - before) * weight;
    this.#latencyAtMs = nowMs;
    this.answered += 1;
    this.consecutiveFailures = 0;
    this.#ejectedUntilMs = 0;
  }

  /** A connection was refused, broke, or gave no answer. Doubles the time it is left alone. */
  recordFailure(reason: string, nowMs: number): void {
    this.failed += 1;
    const exponent = Math.min(this.consecutiveFailures, 16);
    this.consecutiveFailures += 1;
    const ejectionMs = this.#settings.ejectionBaseMs * 2 ** exponent;
    this.#ejectedUntilMs = nowMs + Math.min(this.#settings.ejectionMaxMs, ejectionMs);
    this.#reason = reason;
  }

  /** What an active check found; it overrules a passive ejection. */
  report(health: EndpointHealth, reason: string): void {
    this.#reported = health;
    this.#reason = reason;
    this.#ejectedUntilMs = 0;
    if (health !== "unreachable") this.consecutiveFailures = 0;
  }

  view(nowMs: number, isLeader: boolean): EndpointView {
    const health = this.health(nowMs);
    return {
      url: this.url,
      health,
      reason: health === "ready" ? "" : this.#reason,
      isLeader,
      inFlight: this.#inFlight,
      latencyMs: Math.round(this.#averageMs(nowMs) * 100) / 100,
      consecutiveFailures: this.consecutiveFailures,
      answered: this.answered,
      failed: this.failed,
    };
  }
}
