/**
 * One HTTP request and its whole answer, over undici, at dispatch level: only there is it known
 * whether a single byte of the request left. Never repeats anything and never throws.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";

export interface ExchangeRequest {
  readonly origin: string;
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** The answer is cut off beyond this. */
  readonly answerBytesMax: number;
  /** Fires at the deadline and when the caller gives up. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From the call to the answer's headers. */
  readonly latencyMs: number;
}

export type ExchangeOutcome =
  | { readonly type: "answer"; readonly answer: HttpAnswer }
  /** `sent` false: not one byte of the request left this process, so it had no effect. */
  | { readonly type: "failed"; readonly sent: boolean; readonly error: Error };

export class AnswerTooLargeError extends Error {
  override readonly name = "AnswerTooLargeError";
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #resolve: (outcome: ExchangeOutcome) => void;
  readonly #startedMs = performance.now();
  readonly #onAbort: () => void;
  #controller: Dispatcher.DispatchController | null = null;
  #isSent = false;
  #isSettled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #latencyMs = 0;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(request: ExchangeRequest, resolve: (outcome: ExchangeOutcome) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#onAbort = () => this.#abort(abortReason(request.signal));
    request.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Called right before the first byte is written; again if undici wanted to repeat by itself. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled || this.#isSent) {
      const reason = new Error("the connection closed before the answer");
      controller.abort(reason);
      this.fail(reason);
      return;
    }
    this.#controller = controller;
    this.#isSent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#latencyMs = performance.now() - this.#startedMs;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#request.answerBytesMax) {
      const bytesMax = this.#request.answerBytesMax;
      controller.abort(new AnswerTooLargeError(`the answer is longer than ${bytesMax} bytes`));
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const answer: HttpAnswer = {
      status: this.#status,
      headers: this.#headers,
      body: this.#chunks.length === 1 ? (this.#chunks[0] ?? empty) : Buffer.concat(this.#chunks),
      latencyMs: this.#latencyMs,
    };
    this.#settle({ type: "answer", answer });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: Error): void {
    this.#settle({ type: "failed", sent: this.#isSent, error });
  }

  /** A request still in the queue has no controller: it is settled now, stopped when it starts. */
  #abort(reason: Error): void {
    if (this.#controller === null) this.fail(reason);
    else this.#controller.abort(reason);
  }

  #settle(outcome: ExchangeOutcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#resolve(outcome);
  }
}

const empty: Buffer = Buffer.alloc(0);

const abortReason = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error(`aborted: ${String(signal.reason)}`);

/** Sends a request and collects its answer. The promise always resolves. */
export function exchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
): Promise<ExchangeOutcome> {
  if (request.signal.aborted) {
    const error = abortReason(request.signal);
    return Promise.resolve({ type: "failed", sent: false, error });
  }
  return new Promise((resolve) => {
    const handler = new ExchangeHandler(request, resolve);
    const { origin, method, path, headers, body } = request;
    try {
      dispatcher.dispatch({ origin, method, path, headers, body }, handler);
    } catch (error) {
      // undici throws for a closed dispatcher and for what is not a valid HTTP request.
      handler.fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
