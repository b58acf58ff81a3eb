/**
 * One attempt at one node: passes the answer to the client as it streams in, both ways with back
 * pressure, or tells its owner why there is none. An answer "503, try again" is held back until it
 * is known whether the request may be tried elsewhere.
 */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { decodeProblem, isUnwilling, type Picked } from "../index.ts";
import { clientHeaders } from "./balancer-headers.ts";

/** Why an attempt brought no answer for the client. */
export type AttemptEnd =
  /** `sent` false: not one byte left. */
  | { readonly type: "failed"; readonly sent: boolean; readonly error: Error }
  /** The node says that it did nothing and that trying again may help. */
  | { readonly type: "refused"; readonly code: string; readonly relay: () => void };

export interface AttemptOwner {
  readonly response: ServerResponse;
  /** Longest refusal that is read; 0 when a refusal would be passed on anyway. */
  readonly problemBytesMax: number;
  /** Exactly once, unless the answer reached the client or the client went away. */
  attemptEnded(attempt: Attempt, end: AttemptEnd): void;
  /** The answer is passed on, to its end or until a side broke off. */
  answerEnded(attempt: Attempt): void;
}

interface HeldAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly chunks: Buffer[];
}

export class Attempt implements Dispatcher.DispatchHandler {
  readonly picked: Picked;
  readonly #owner: AttemptOwner;
  readonly #startedMs = performance.now();
  #controller: Dispatcher.DispatchController | null = null;
  #cancelled: Error | null = null;
  #isSettled = false;
  #isOver = false;
  #isAnswering = false;
  #held: HeldAnswer | null = null;

  constructor(picked: Picked, owner: AttemptOwner) {
    this.picked = picked;
    this.#owner = owner;
  }

  /** The answer's head has been passed on: from here the request belongs to this node. */
  get isAnswering(): boolean {
    return this.#isAnswering;
  }

  /** Ends the attempt: the client went away, or the node stopped answering. */
  cancel(reason: Error): void {
    this.#cancelled = reason;
    if (this.#controller === null) this.onResponseError(null, reason);
    else this.#controller.abort(reason);
  }

  /** The client's doing, so nothing is held against the node. */
  abandon(): void {
    this.#settle({ type: "abandoned" });
    this.#isOver = true;
    this.cancel(new Error("the client went away"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const isRepeat = this.#controller !== null;
    this.#controller = controller;
    if (this.#cancelled !== null) controller.abort(this.#cancelled);
    // undici would send a request again when its connection closed under it: not ours to allow.
    else if (isRepeat) controller.abort(new Error("the connection closed before the answer"));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    if (status === 503 && this.#isShortProblem(headers)) {
      this.#held = { status, headers, chunks: [] };
      return;
    }
    this.#settle({ type: "answered", latencyMs: performance.now() - this.#startedMs });
    this.#isAnswering = true;
    const { response } = this.#owner;
    // The node answered before the end of the body: nobody wants the rest of it.
    if (!response.req.complete) response.shouldKeepAlive = false;
    response.writeHead(status, clientHeaders(headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#held !== null) {
      this.#held.chunks.push(chunk);
      return;
    }
    const { response } = this.#owner;
    if (response.write(chunk)) return;
    controller.pause();
    response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#held === null) {
      this.#owner.response.end();
      this.#owner.answerEnded(this);
    } else {
      this.#judgeHeld(this.#held);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle({ type: "failed", reason: error.message });
    if (this.#isAnswering) {
      // Half an answer was passed on: only a broken connection can tell the client.
      this.#owner.response.destroy(error);
      this.#owner.answerEnded(this);
      return;
    }
    const sent = this.#controller !== null;
    this.#owner.attemptEnded(this, { type: "failed", sent, error });
  }

  #isShortProblem(headers: IncomingHttpHeaders): boolean {
    const length = Number(headers["content-length"] ?? Number.NaN);
    return length <= this.#owner.problemBytesMax;
  }

  #judgeHeld(held: HeldAnswer): void {
    const body = Buffer.concat(held.chunks);
    const problem = decodeProblem({ headers: held.headers, body });
    const relay = (): void => {
      this.#isAnswering = true;
      this.#owner.response.writeHead(held.status, clientHeaders(held.headers));
      this.#owner.response.end(body);
      this.#owner.answerEnded(this);
    };
    const isRefusal = problem?.retryable === true && problem.outcome === undefined;
    const reason = problem?.code ?? `status ${held.status}`;
    const speaksOfNode = problem === null || isUnwilling(problem.code);
    this.#settle(speaksOfNode ? { type: "failed", reason } : { type: "abandoned" });
    if (isRefusal) this.#owner.attemptEnded(this, { type: "refused", code: problem.code, relay });
    else relay();
  }

  #settle(outcome: Parameters<Picked["settle"]>[0]): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.picked.settle(outcome);
  }
}
