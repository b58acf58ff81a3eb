/**
 * One request on its way through the balancer: which node, what is sent, whether it may be sent
 * again, and what the client is told in the end. Never repeats what may have had an effect.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "@kvcluster/protocol";
import type { Dispatcher } from "undici";
import {
  type AttemptFailure,
  judge,
  type Picker,
  type RequestKind,
  type RetryBudget,
} from "../index.ts";
import { sendProblem } from "./balancer-answers.ts";
import { Attempt, type AttemptEnd, type AttemptOwner } from "./balancer-attempt.ts";
import { type RequestBody, takeBody } from "./balancer-body.ts";
import { upstreamHeaders } from "./balancer-headers.ts";
import type { BalancerLimits } from "./balancer-settings.ts";

/** Figures since start. */
export interface ProxyCounters {
  requests: number;
  retried: number;
  refusedOverloaded: number;
  refusedNoNode: number;
  outcomeUnknown: number;
  clientsGone: number;
}

/** What every request shares. */
export interface ProxyParts {
  readonly dispatcher: Dispatcher;
  readonly picker: Picker;
  readonly limits: BalancerLimits;
  readonly budget: RetryBudget;
  readonly counters: ProxyCounters;
  /** Attempts under way, by node: to be ended when the node is found gone. */
  readonly underWay: Map<string, Set<Attempt>>;
  /** A connection failed there: have a look. */
  readonly onSuspect: (url: string) => void;
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const passedMethods: readonly Dispatcher.HttpMethod[] = [
  "GET",
  "HEAD",
  "PUT",
  "POST",
  "PATCH",
  "DELETE",
  "OPTIONS",
];

export class ProxiedRequest implements AttemptOwner {
  readonly response: ServerResponse;
  readonly #request: IncomingMessage;
  readonly #parts: ProxyParts;
  readonly #kind: RequestKind;
  readonly #startedMs = performance.now();
  readonly #tried = new Set<string>();
  #body: RequestBody | null = null;
  #attempt: Attempt | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, parts: ProxyParts) {
    this.#request = request;
    this.response = response;
    this.#parts = parts;
    this.#kind = safeMethods.has(request.method ?? "") ? "read" : "write";
  }

  start(): void {
    this.response.once("close", () => this.#onClientClosed());
    takeBody(this.#request, this.#parts.limits.bufferedBodyBytesMax, (body) => {
      this.#body = body;
      this.#tryNext();
    });
  }

  /** Only a refusal that could be tried elsewhere is worth holding back. */
  get problemBytesMax(): number {
    return this.#mayTryElsewhere() && this.#isYoung() ? this.#parts.limits.problemBytesMax : 0;
  }

  attemptEnded(attempt: Attempt, end: AttemptEnd): void {
    this.#forget(attempt);
    const failure = toFailure(end);
    if (end.type === "failed") this.#parts.onSuspect(attempt.picked.url);
    const verdict = judge(this.#kind, failure);
    if (verdict === "retry" && this.#mayTryElsewhere() && this.#parts.budget.withdraw()) {
      this.#parts.counters.retried += 1;
      this.#tryNext();
    } else if (end.type === "refused") {
      end.relay();
    } else {
      this.#answerFailure(verdict === "outcomeUnknown", end);
    }
  }

  answerEnded(attempt: Attempt): void {
    this.#forget(attempt);
  }

  /** Writes; and reads about the cluster, of which the leader knows most. */
  #prefersLeader(): boolean {
    return this.#kind === "write" || this.#request.url?.startsWith("/v1/cluster") === true;
  }

  #isYoung(): boolean {
    return performance.now() - this.#startedMs < this.#parts.limits.retryWindowMs;
  }

  #mayTryElsewhere(): boolean {
    const { picker, limits } = this.#parts;
    return (
      this.#tried.size < limits.attemptsMax &&
      this.#body?.canSend() === true &&
      picker.countOthers(this.#tried) > 0
    );
  }

  #tryNext(): void {
    const { picker, dispatcher, counters } = this.#parts;
    if (picker.bestHealth() === "unreachable") {
      counters.refusedNoNode += 1;
      this.#answer("NO_NODE", "no node of the cluster answers");
      return;
    }
    const picked = picker.pick({ preferLeader: this.#prefersLeader(), avoid: this.#tried });
    this.#tried.add(picked.url);
    const attempt = new Attempt(picked, this);
    this.#attempt = attempt;
    this.#remember(attempt);
    try {
      dispatcher.dispatch(this.#dispatchOptions(picked.url), attempt);
    } catch (error) {
      // What undici refuses to send (a path that is none) was not sent.
      attempt.cancel(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #dispatchOptions(origin: string): Dispatcher.DispatchOptions {
    const { rawHeaders, headers, socket, method, url } = this.#request;
    const body = this.#body?.open() ?? null;
    const remoteAddress = socket.remoteAddress ?? "unknown";
    return {
      origin,
      path: url ?? "/",
      method: passedMethods.find((passed) => passed === method) ?? "GET",
      headers: upstreamHeaders({ rawHeaders, headers, remoteAddress }),
      body,
    };
  }

  #remember(attempt: Attempt): void {
    const { underWay } = this.#parts;
    const here = underWay.get(attempt.picked.url) ?? new Set();
    here.add(attempt);
    underWay.set(attempt.picked.url, here);
  }

  #forget(attempt: Attempt): void {
    this.#parts.underWay.get(attempt.picked.url)?.delete(attempt);
    if (this.#attempt === attempt) this.#attempt = null;
  }

  #onClientClosed(): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#parts.counters.clientsGone += 1;
    this.#forget(attempt);
    attempt.abandon();
  }

  #answerFailure(isUnknown: boolean, end: Extract<AttemptEnd, { type: "failed" }>): void {
    const why = end.error.message;
    if (isUnknown) {
      this.#parts.counters.outcomeUnknown += 1;
      this.#answer("OUTCOME_UNKNOWN", `the request was sent, then: ${why}`);
    } else if (end.sent) {
      this.#answer("NODE_LOST", `the node stopped answering: ${why}`);
    } else {
      this.#answer("NO_NODE", `nothing was sent: ${why}`);
    }
  }

  #answer(code: ErrorCode, detail: string): void {
    if (this.response.destroyed) return;
    sendProblem(this.response, { code, detail });
  }
}

/** True for a method that the balancer passes on. */
export const isPassedMethod = (method: string | undefined): boolean =>
  passedMethods.some((passed) => passed === method);

function toFailure(end: AttemptEnd): AttemptFailure {
  if (end.type === "refused") return { type: "refused", retryAfterMs: null };
  return { type: end.sent ? "broken" : "notSent" };
}
