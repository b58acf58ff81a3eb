/**
 * Carries one call out: picks an endpoint, sends, and repeats only what is safe, within a deadline,
 * a number of attempts and a retry budget. A write that was sent and not answered is never
 * repeated.
 */
import { defaultLimits, headers } from "@kvcluster/protocol";
import type { Dispatcher } from "undici";
import { type AttemptView, classify, describeFailure, toError } from "./attempt.ts";
import type { TokenSource } from "./credentials.ts";
import { KVClientError } from "./errors.ts";
import { exchange, type HttpAnswer } from "./http/exchange.ts";
import type { LeaderTracker } from "./leader-tracker.ts";
import type { CallOptions, ClientLimits } from "./options.ts";
import type { Picked, Picker } from "./picking/picker.ts";
import { backoffMs, judge, type RequestKind, RetryBudget } from "./picking/retry-policy.ts";

export interface Call {
  readonly kind: RequestKind;
  readonly method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | null;
  /** A read of which the leader knows most. Writes prefer the leader anyway. */
  readonly prefersLeader?: boolean;
  /** Statuses beyond 2xx that are answers and not errors: 304, 404 of a key. */
  readonly accept?: readonly number[];
}

export interface RequesterParts {
  readonly dispatcher: Dispatcher;
  readonly picker: Picker;
  readonly tokens: TokenSource;
  readonly leader: LeaderTracker;
  readonly limits: ClientLimits;
}

/** What one call knows of itself while it runs. */
interface CallState {
  readonly call: Call;
  readonly signal: AbortSignal;
  readonly callerSignal: AbortSignal | undefined;
  readonly deadlineMs: number;
  readonly tried: Set<string>;
  attempts: number;
  hasRenewedToken: boolean;
  /** Why the attempt before was not good enough. */
  lastError: KVClientError | null;
}

type Step =
  | { readonly type: "answer"; readonly answer: HttpAnswer }
  | { readonly type: "again"; readonly afterMs: number };

export class Requester {
  readonly #parts: RequesterParts;
  readonly #budget: RetryBudget;
  readonly #closing = new AbortController();
  #calls = 0;

  constructor(parts: RequesterParts) {
    this.#parts = parts;
    this.#budget = new RetryBudget(parts.limits);
  }

  /** Calls under way. */
  get calls(): number {
    return this.#calls;
  }

  /** @throws KVClientError; UnknownOutcomeError when a write may or may not have taken effect */
  async send(call: Call, options: CallOptions = {}): Promise<HttpAnswer> {
    const { limits } = this.#parts;
    if (this.#closing.signal.aborted) throw closedError();
    if (this.#calls >= limits.callsMax) {
      throw new KVClientError("OVERLOADED", {
        message: `${this.#calls} calls are under way (limits.callsMax)`,
        retryable: true,
      });
    }
    this.#calls += 1;
    this.#budget.deposit();
    const timeoutMs = options.timeoutMs ?? limits.timeoutMs;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new Error("deadline")), timeoutMs);
    const signals = [deadline.signal, this.#closing.signal];
    if (options.signal !== undefined) signals.push(options.signal);
    try {
      return await this.#run({
        call,
        signal: AbortSignal.any(signals),
        callerSignal: options.signal,
        deadlineMs: performance.now() + timeoutMs,
        tried: new Set(),
        attempts: 0,
        hasRenewedToken: false,
        lastError: null,
      });
    } finally {
      clearTimeout(timer);
      this.#calls -= 1;
    }
  }

  /** Fails every call under way, and every later one. */
  close(): void {
    this.#closing.abort(closedError());
  }

  async #run(state: CallState): Promise<HttpAnswer> {
    for (;;) {
      const step = await this.#attempt(state);
      if (step.type === "answer") return step.answer;
      await pause(step.afterMs, state.signal);
      // Nothing is under way now and nothing had an effect: the failure before says why.
      if (state.signal.aborted) throw this.#endedBetweenAttempts(state);
    }
  }

  #endedBetweenAttempts(state: CallState): KVClientError {
    const { isCaller, isClosed } = this.#endings(state);
    if (isClosed) return closedError();
    if (isCaller) return new KVClientError("ABORTED", { message: "aborted by the caller" });
    const message = `${state.call.method} ${state.call.path}: the deadline passed`;
    return state.lastError ?? new KVClientError("DEADLINE_EXCEEDED", { message, retryable: true });
  }

  /** One attempt: an answer, or the permission to try again, or the call's error is thrown. */
  async #attempt(state: CallState): Promise<Step> {
    const { picker, tokens, leader, limits } = this.#parts;
    const { call, tried } = state;
    const token = await tokens.token();
    const preferLeader = call.kind === "write" || call.prefersLeader === true;
    if (preferLeader) leader.refreshWhenStale();
    const picked = picker.pick({ preferLeader, avoid: tried });
    tried.add(picked.url);
    state.attempts += 1;
    const view = await this.#exchange(state, picked, token);
    const failure = classify(view, call.accept ?? []);
    if (failure === null) return answered(view);
    if (this.#mayRenewToken(state, view)) return { type: "again", afterMs: 0 };
    const verdict = judge(call.kind, failure);
    const isOver =
      verdict !== "retry" ||
      state.signal.aborted ||
      state.attempts >= limits.attemptsMax ||
      !this.#budget.withdraw();
    leader.suspect();
    const error = toError({ view, verdict, failure, signals: this.#endings(state) });
    if (isOver) throw error;
    state.lastError = error;
    return { type: "again", afterMs: this.#pauseBefore(state, failure) };
  }

  async #exchange(state: CallState, picked: Picked, token: string | null): Promise<AttemptView> {
    const { dispatcher, limits } = this.#parts;
    const { call } = state;
    const remainingMs = Math.max(1, state.deadlineMs - performance.now());
    const isReadWithOthers = call.kind === "read" && state.attempts < limits.attemptsMax;
    const attemptMs = isReadWithOthers
      ? Math.min(remainingMs, limits.readAttemptTimeoutMs)
      : remainingMs;
    // The call's own deadline ends its last attempt: a second timer for the same moment could fire
    // a millisecond before it, and the caller would be told of a broken connection.
    const attempt = new AbortController();
    const timer =
      attemptMs < remainingMs
        ? setTimeout(() => attempt.abort(new Error(`no answer in ${attemptMs} ms`)), attemptMs)
        : undefined;
    const outcome = await exchange(dispatcher, {
      origin: picked.url,
      method: call.method,
      path: call.path,
      headers: requestHeaders(call, token, attemptMs),
      body: call.body ?? null,
      answerBytesMax: limits.answerBytesMax,
      signal: AbortSignal.any([state.signal, attempt.signal]),
    });
    clearTimeout(timer);
    const view: AttemptView = { endpoint: picked.url, call, outcome };
    picked.settle(describeFailure(view, this.#endings(state)));
    return view;
  }

  #endings(state: CallState): { isCaller: boolean; isClosed: boolean; isDeadline: boolean } {
    return {
      isCaller: state.callerSignal?.aborted === true,
      isClosed: this.#closing.signal.aborted,
      isDeadline: performance.now() >= state.deadlineMs || state.signal.aborted,
    };
  }

  /** A token that was refused once may have been replaced in its file: 401 changed nothing. */
  #mayRenewToken(state: CallState, view: AttemptView): boolean {
    const isRefused = view.outcome.type === "answer" && view.outcome.answer.status === 401;
    if (!isRefused || state.hasRenewedToken || !this.#parts.tokens.renew()) return false;
    state.hasRenewedToken = true;
    state.tried.clear();
    return true;
  }

  /** None when another endpoint is untried: only repetitions at the same place need a pause. */
  #pauseBefore(state: CallState, failure: { readonly type: string }): number {
    const { picker, limits } = this.#parts;
    const retryAfterMs =
      "retryAfterMs" in failure && typeof failure.retryAfterMs === "number"
        ? failure.retryAfterMs
        : null;
    if (picker.countOthers(state.tried) > 0) return 0;
    state.tried.clear();
    const number = Math.max(0, Math.floor((state.attempts - 1) / picker.urls.length));
    return backoffMs({ number, retryAfterMs }, limits, Math.random);
  }
}

function answered(view: AttemptView): Step {
  if (view.outcome.type !== "answer") throw new Error("a failed exchange has no answer");
  return { type: "answer", answer: view.outcome.answer };
}

function requestHeaders(
  call: Call,
  token: string | null,
  attemptMs: number,
): Record<string, string> {
  // The node gives up a little earlier than this client, so that its precise answer arrives.
  const nodeMs = Math.max(1, Math.floor(attemptMs - Math.min(250, attemptMs / 10)));
  return {
    ...call.headers,
    [headers.timeoutMs]: String(Math.min(nodeMs, defaultLimits.requestDeadlineMaxMs)),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
}

const closedError = (): KVClientError =>
  new KVClientError("CLOSED", { message: "the client is closed" });

/** Ends early, without an error, when the signal fires: the next attempt tells what happened. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
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
