/**
 * Active checks: asks every node's /readyz at an interval and tells the picker what it found. A
 * refused connection counts at once; silence only several times in a row, and not while the node
 * still answers requests. Owns its timers; `stop` ends them.
 */
import type { Dispatcher } from "undici";
import { leaderAmong, type Picker, type ProbeOutcome, probeReadiness } from "../index.ts";
import type { BalancerLimits } from "./balancer-settings.ts";

export interface NodeHealth {
  readonly url: string;
  readonly outcome: ProbeOutcome;
}

export interface HealthCheckerParts {
  readonly dispatcher: Dispatcher;
  readonly picker: Picker;
  readonly limits: BalancerLimits;
  /** The node at this URL is gone: what waits for it should not. */
  readonly onGone: (url: string) => void;
}

interface Checked {
  outcome: ProbeOutcome;
  silentChecks: number;
  answeredBefore: number;
  checking: Promise<void> | null;
}

const notYet: ProbeOutcome = { type: "unreachable", reason: "not checked yet" };

export class HealthChecker {
  readonly #parts: HealthCheckerParts;
  readonly #nodes = new Map<string, Checked>();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: HealthCheckerParts) {
    this.#parts = parts;
    for (const url of parts.picker.urls) {
      const checked = { outcome: notYet, silentChecks: 0, answeredBefore: 0, checking: null };
      this.#nodes.set(url, checked);
    }
  }

  /** Checks every node once, then again at each interval. */
  async start(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((url) => this.checkNow(url)));
    this.#timer = setInterval(() => this.#checkAll(), this.#parts.limits.checkIntervalMs);
  }

  /** Resolves when no check is under way; none begins afterwards. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await Promise.all([...this.#nodes.values()].map((node) => node.checking));
  }

  /** Checks a node unless a check is under way; a request has just failed there. */
  checkNow(url: string): Promise<void> {
    const node = this.#nodes.get(url);
    if (node === undefined) return Promise.resolve();
    node.checking ??= this.#check(url, node).finally(() => {
      node.checking = null;
    });
    return node.checking;
  }

  /** The last finding for each node. */
  findings(): readonly NodeHealth[] {
    return [...this.#nodes].map(([url, { outcome }]) => ({ url, outcome }));
  }

  #checkAll(): void {
    for (const [url, node] of this.#nodes) {
      node.checking ??= this.#check(url, node).finally(() => {
        node.checking = null;
      });
    }
  }

  async #check(url: string, node: Checked): Promise<void> {
    const { dispatcher, picker, limits } = this.#parts;
    const startedMs = performance.now();
    const outcome = await probeReadiness(dispatcher, url, limits.checkTimeoutMs);
    const isSilent =
      outcome.type === "unreachable" && performance.now() - startedMs >= limits.checkTimeoutMs;
    node.silentChecks = isSilent && !this.#hasAnswered(url, node) ? node.silentChecks + 1 : 0;
    if (isSilent && node.silentChecks < limits.silentChecksMax) return;
    const wasGone = node.outcome.type === "unreachable";
    node.outcome = outcome;
    picker.report(url, outcome.type, describe(outcome));
    picker.setLeader(leaderAmong(this.findings()));
    if (outcome.type === "unreachable" && !wasGone) this.#parts.onGone(url);
  }

  /** Did any request get an answer there since the check before? */
  #hasAnswered(url: string, node: Checked): boolean {
    const view = this.#parts.picker.view().find((endpoint) => endpoint.url === url);
    const answered = view?.answered ?? 0;
    const hasAnswered = answered > node.answeredBefore;
    node.answeredBefore = answered;
    return hasAnswered;
  }
}

function describe(outcome: ProbeOutcome): string {
  switch (outcome.type) {
    case "ready":
      return "";
    case "unready":
      return outcome.reasons.join("; ");
    case "unreachable":
      return outcome.reason;
  }
}
