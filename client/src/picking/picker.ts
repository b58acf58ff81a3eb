/**
 * Chooses the endpoint of a request: power of two choices over in-flight × latency among the
 * healthiest endpoints, writes with the leader by preference. Used by the client and by the
 * balancer. It owns no timer and no socket: time and chance are given to it.
 */
import {
  Endpoint,
  type EndpointHealth,
  type EndpointSettings,
  type EndpointView,
} from "./endpoint.ts";

export interface PickerSettings extends EndpointSettings {
  /**
   * A write goes to the leader unless so many times more requests wait there than at the better of
   * two others: a leader with a long queue lets the others parse and encrypt.
   */
  readonly leaderBias: number;
  readonly endpointsMax: number;
}

export const defaultPickerSettings: PickerSettings = {
  latencyDecayMs: 2_000,
  latencyFloorMs: 0.1,
  ejectionBaseMs: 250,
  ejectionMaxMs: 10_000,
  leaderBias: 8,
  endpointsMax: 64,
};

export interface PickRequest {
  readonly preferLeader: boolean;
  /** Endpoints already tried for this request; used again only when there is no other. */
  readonly avoid?: ReadonlySet<string>;
}

/** How an attempt ended, for the endpoint's figures. */
export type AttemptOutcome =
  | { readonly type: "answered"; readonly latencyMs: number }
  | { readonly type: "failed"; readonly reason: string }
  /** Says nothing about the endpoint: the caller gave up, or the node shed load. */
  | { readonly type: "abandoned" };

/** A place in an endpoint's queue. `settle` is called exactly once. */
export interface Picked {
  readonly url: string;
  /** The endpoint's health when it was picked: `unreachable` is a last resort. */
  readonly health: EndpointHealth;
  settle(outcome: AttemptOutcome): void;
}

export interface PickerClock {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** A number in [0, 1). */
  random(): number;
}

const tiers: readonly EndpointHealth[] = ["ready", "unready", "unreachable"];

export class Picker {
  readonly #endpoints: readonly Endpoint[];
  readonly #settings: PickerSettings;
  readonly #clock: PickerClock;
  #leaderUrl: string | null = null;

  /** @throws RangeError when there is no endpoint, one is named twice, or there are too many. */
  constructor(urls: readonly string[], settings: PickerSettings, clock: PickerClock) {
    if (urls.length === 0) throw new RangeError("at least one endpoint is needed");
    if (urls.length > settings.endpointsMax) {
      throw new RangeError(`${urls.length} endpoints, at most ${settings.endpointsMax}`);
    }
    if (new Set(urls).size !== urls.length) throw new RangeError("an endpoint is named twice");
    this.#endpoints = urls.map((url) => new Endpoint(url, settings));
    this.#settings = settings;
    this.#clock = clock;
  }

  get urls(): readonly string[] {
    return this.#endpoints.map((endpoint) => endpoint.url);
  }

  get leaderUrl(): string | null {
    return this.#leaderUrl;
  }

  /** The best endpoint for one more request; it never waits and always finds one. */
  pick(request: PickRequest): Picked {
    const nowMs = this.#clock.nowMs();
    const candidates = this.#candidates(request.avoid ?? new Set(), nowMs);
    const best = this.#cheaperOfTwo(candidates, nowMs);
    const leader = request.preferLeader
      ? candidates.find((endpoint) => endpoint.url === this.#leaderUrl)
      : undefined;
    const isLeaderWorthIt =
      leader !== undefined &&
      leader.inFlight + 1 <= (best.inFlight + 1) * this.#settings.leaderBias;
    return this.#take(isLeaderWorthIt ? leader : best, nowMs);
  }

  /** The best health any endpoint has now. */
  bestHealth(): EndpointHealth {
    const nowMs = this.#clock.nowMs();
    const present = new Set(this.#endpoints.map((endpoint) => endpoint.health(nowMs)));
    return tiers.find((health) => present.has(health)) ?? "unreachable";
  }

  /** The number of endpoints that a further attempt may use without repeating itself. */
  countOthers(avoid: ReadonlySet<string>): number {
    const nowMs = this.#clock.nowMs();
    return this.#endpoints.filter(
      (endpoint) => !avoid.has(endpoint.url) && endpoint.health(nowMs) !== "unreachable",
    ).length;
  }

  /** Names the leader, or null when it is not known. An unknown URL means the same as null. */
  setLeader(url: string | null): void {
    this.#leaderUrl = this.#endpoints.some((endpoint) => endpoint.url === url) ? url : null;
  }

  /** Tells what an active check found. Unknown URLs are ignored: the check came too late. */
  report(url: string, health: EndpointHealth, reason: string): void {
    this.#endpoints.find((endpoint) => endpoint.url === url)?.report(health, reason);
  }

  view(): readonly EndpointView[] {
    const nowMs = this.#clock.nowMs();
    return this.#endpoints.map((endpoint) =>
      endpoint.view(nowMs, endpoint.url === this.#leaderUrl),
    );
  }

  /** The healthiest endpoints not yet tried; when all were tried, the healthiest of all. */
  #candidates(avoid: ReadonlySet<string>, nowMs: number): readonly Endpoint[] {
    const untried = this.#endpoints.filter((endpoint) => !avoid.has(endpoint.url));
    const pool = untried.length > 0 ? untried : this.#endpoints;
    for (const tier of tiers) {
      const found = pool.filter((endpoint) => endpoint.health(nowMs) === tier);
      if (found.length > 0) return found;
    }
    return pool;
  }

  #cheaperOfTwo(candidates: readonly Endpoint[], nowMs: number): Endpoint {
    const count = candidates.length;
    const i = Math.floor(this.#clock.random() * count);
    const first = candidates[i];
    if (first === undefined) throw new RangeError(`random() out of [0, 1) or no candidate: ${i}`);
    if (count === 1) return first;
    // The second choice is drawn from the others, so that the two always differ.
    const j = (i + 1 + Math.floor(this.#clock.random() * (count - 1))) % count;
    const second = candidates[j] ?? first;
    return second.cost(nowMs) < first.cost(nowMs) ? second : first;
  }

  #take(endpoint: Endpoint, nowMs: number): Picked {
    endpoint.begin(nowMs);
    let isSettled = false;
    const settle = (outcome: AttemptOutcome): void => {
      if (isSettled) throw new Error(`the attempt at ${endpoint.url} was settled twice`);
      isSettled = true;
      endpoint.end(this.#clock.nowMs());
      this.#record(endpoint, outcome);
    };
    return { url: endpoint.url, health: endpoint.health(nowMs), settle };
  }

  #record(endpoint: Endpoint, outcome: AttemptOutcome): void {
    const nowMs = this.#clock.nowMs();
    switch (outcome.type) {
      case "answered":
        endpoint.recordAnswer(outcome.latencyMs, nowMs);
        break;
      case "failed":
        endpoint.recordFailure(outcome.reason, nowMs);
        break;
      case "abandoned":
        break;
    }
  }
}
