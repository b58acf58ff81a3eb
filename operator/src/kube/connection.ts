/**
 * The wire to the API server: JSON requests and streams over the client library's authentication
 * and HTTP. Bodies go out and come in as they are, never through the library's models, which drop
 * fields they do not know. Owns time limits, retries and the translation of failures.
 */
import {
  IsomorphicFetchHttpLibrary,
  type KubeConfig,
  RequestContext,
  type ResponseContext,
} from "@kubernetes/client-node";
import { Deadline, type KubeClock, pause } from "./clock.ts";
import { Credentials } from "./credentials.ts";
import { errorOfAnswer, isKubeError, KubeError } from "./kube-error.ts";
import { resourceIn } from "./resources.ts";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the root, names encoded: `/api/v1/…`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** For the whole answer, each attempt; of a stream for its beginning. Default 30 s. */
  readonly timeoutMs?: number;
  /** Attempts after the first, default 3: reads after 429, 5xx and failures, writes after 429. */
  readonly retriesMax?: number;
  /** The body is secret: nothing that the server says of it is repeated. */
  readonly isConcealed?: boolean;
}

export interface ConnectionOptions {
  readonly config: KubeConfig;
  readonly clock: KubeClock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly onAnswer?: (answer: KubeAnswer) => void;
}

/** For metrics: a request that was answered, or was given up. */
export interface KubeAnswer {
  readonly method: string;
  /** Plural of what was asked for: `pods`; the path of what is no resource. */
  readonly resource: string;
  /** HTTP; 0 without an answer. */
  readonly status: number;
  /** Until the answer began. */
  readonly durationMs: number;
}

const TIMEOUT_MS = 30_000;
const RETRIES_MAX = 3;
const RETRY_BASE_MS = 250;
/** Longer than this we do not hold a worker, whatever `Retry-After` says. */
const RETRY_AFTER_MAX_MS = 10_000;
const USER_AGENT = "kvcluster-operator";

/** What one connection hands on to another. */
interface Shared {
  readonly credentials?: Credentials;
  readonly signal?: AbortSignal;
}

export class KubeConnection {
  readonly #http = new IsomorphicFetchHttpLibrary();
  readonly #credentials: Credentials;
  readonly #options: ConnectionOptions;
  readonly #signal: AbortSignal | undefined;

  constructor(options: ConnectionOptions, shared: Shared = {}) {
    this.#options = options;
    this.#credentials = shared.credentials ?? new Credentials(options.config, options.clock);
    this.#signal = shared.signal;
  }

  /** The same connection, whose requests are given up when `signal` aborts. */
  within(signal: AbortSignal): KubeConnection {
    return new KubeConnection(this.#options, {
      credentials: this.#credentials,
      signal: this.#signal === undefined ? signal : AbortSignal.any([this.#signal, signal]),
    });
  }

  /** The decoded body of a 2xx answer. @throws KubeError */
  async request(wanted: KubeRequest): Promise<unknown> {
    const request = this.#limited(wanted);
    const text = await this.#repeat(request, () => this.#once(request));
    try {
      return text === "" ? null : JSON.parse(text);
    } catch (cause) {
      throw new KubeError("malformed", `${asked(request)} answered no JSON`, { cause });
    }
  }

  /**
   * Opens a stream; it ends with the server's end, or throws. Its silence is the caller's to judge.
   * Ends also when `signal` aborts. @throws KubeError
   */
  async stream(wanted: KubeRequest): Promise<AsyncIterable<Uint8Array>> {
    const request = this.#limited(wanted);
    const deadline = this.#deadline(request);
    try {
      const response = await this.#send(request, deadline);
      const body = response.body.stream();
      if (body === null) throw new KubeError("malformed", `${asked(request)} answered no body`);
      deadline.stopTimer();
      return this.#chunks(request, body, deadline);
    } catch (error) {
      deadline.release();
      throw this.#failure(request, error, deadline);
    }
  }

  #limited(request: KubeRequest): KubeRequest {
    const ours = this.#signal;
    if (ours === undefined) return request;
    const signal = request.signal === undefined ? ours : AbortSignal.any([ours, request.signal]);
    return { ...request, signal };
  }

  async *#chunks(
    request: KubeRequest,
    body: AsyncIterable<Uint8Array>,
    deadline: Deadline,
  ): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.#failure(request, error, deadline);
    } finally {
      deadline.release();
    }
  }

  async #repeat(request: KubeRequest, once: () => Promise<string>): Promise<string> {
    const retriesMax = request.retriesMax ?? RETRIES_MAX;
    for (let retries = 0; ; retries++) {
      try {
        return await once();
      } catch (error) {
        const delayMs = this.#retryDelay(request, error, retries);
        if (retries >= retriesMax || delayMs === null) throw error;
        const never = new AbortController().signal;
        await pause(this.#options.clock, delayMs, request.signal ?? never);
      }
    }
  }

  /** ms to wait before another attempt; null when one might do harm or be in vain. */
  #retryDelay(request: KubeRequest, error: unknown, retries: number): number | null {
    if (request.signal?.aborted === true || !(error instanceof KubeError)) return null;
    // Proof may have been rotated since: once more with what is there now.
    if (error.code === "unauthorized" && error.status === 401) return retries === 0 ? 0 : null;
    const mayRepeat =
      error.code === "tooManyRequests" ||
      (request.method === "GET" && isKubeError(error, "unavailable", "timeout"));
    if (!mayRepeat) return null;
    if (error.retryAfterMs !== null) {
      return error.retryAfterMs <= RETRY_AFTER_MAX_MS ? error.retryAfterMs : null;
    }
    return RETRY_BASE_MS * 2 ** retries * (0.5 + this.#options.random());
  }

  async #once(request: KubeRequest): Promise<string> {
    const deadline = this.#deadline(request);
    try {
      const response = await this.#send(request, deadline);
      return await response.body.text();
    } catch (error) {
      throw this.#failure(request, error, deadline);
    } finally {
      deadline.release();
    }
  }

  #deadline(request: KubeRequest): Deadline {
    return new Deadline(this.#options.clock, request.timeoutMs ?? TIMEOUT_MS, request.signal);
  }

  /** The answer, its body unread; 2xx only. */
  async #send(request: KubeRequest, deadline: Deadline): Promise<ResponseContext> {
    const { clock, onAnswer } = this.#options;
    const startedAt = clock.monotonic();
    let status = 0;
    try {
      const context = contextOf(this.#credentials.server, request);
      context.setSignal(deadline.signal);
      await this.#credentials.applyTo(context);
      const response = await this.#http.send(context).toPromise();
      status = response.httpStatusCode;
      if (status >= 200 && status < 300) return response;
      throw errorOfAnswer({
        asked: asked(request),
        status,
        body: await response.body.text(),
        retryAfter: response.headers["retry-after"] ?? "",
        isConcealed: request.isConcealed ?? false,
      });
    } finally {
      if (status === 401) this.#credentials.forget();
      onAnswer?.({
        method: request.method,
        resource: resourceIn(request.path),
        status,
        durationMs: clock.monotonic() - startedAt,
      });
    }
  }

  #failure(request: KubeRequest, error: unknown, deadline: Deadline): KubeError {
    if (request.signal?.aborted === true) {
      return new KubeError("aborted", `${asked(request)} was given up`, { cause: error });
    }
    if (deadline.isExpired) {
      this.#credentials.forget();
      const limit = request.timeoutMs ?? TIMEOUT_MS;
      return new KubeError("timeout", `${asked(request)} had no answer within ${limit} ms`);
    }
    if (error instanceof KubeError) return error;
    const why = reasonOf(error);
    return new KubeError("unavailable", `${asked(request)} failed: ${why}`, { cause: error });
  }
}

const asked = (request: KubeRequest): string => `${request.method} ${request.path}`;

function contextOf(server: string, request: KubeRequest): RequestContext {
  const context = new RequestContext(`${server}${request.path}`, request.method);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    context.setQueryParam(name, value);
  }
  // The key set of the token issuer is served under its own media type only, or answered with 406.
  context.setHeaderParam("Accept", "application/json, application/jwk-set+json");
  context.setHeaderParam("User-Agent", USER_AGENT);
  if (request.body !== undefined) {
    context.setHeaderParam("Content-Type", request.contentType ?? "application/json");
    context.setBody(JSON.stringify(request.body));
  }
  return context;
}

/** What undici hides behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
