/**
 * One request and its answer: carries what is known of the request, sends exactly one answer, and
 * tells log and metrics about it. Owns the headers that every answer has.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { headers } from "@kvcluster/protocol";
import type { AnswerLimits } from "./answer-limits.ts";
import type { ApiError } from "./api-error.ts";
import type { Identity } from "./authorization.ts";
import type { ApiLog, RequestMetrics } from "./context.ts";
import { problemAnswer, toApiError } from "./problem-answer.ts";
import type { Answer, Route, StreamAnswer } from "./route.ts";
import type { Target } from "./target.ts";

/** What all exchanges of a server share. */
export interface ExchangePorts {
  readonly nodeName: string;
  readonly logger: ApiLog;
  readonly metrics: RequestMetrics;
  readonly answers: AnswerLimits;
  /** True once the server closes: connections are not kept. */
  readonly closing: () => boolean;
  readonly ended: (exchange: Exchange) => void;
}

/** A refused upload of up to so many bytes is read to its end, so that its connection can stay. */
const drainBytesMax = 65_536;

/** True when the rest of the body is too long, or of unknown length, to wait for. */
function leavesLongBody(request: IncomingMessage): boolean {
  if (request.complete) return false;
  if (request.headers["transfer-encoding"] !== undefined) return true;
  return Number(request.headers["content-length"] ?? 0) > drainBytesMax;
}

export class Exchange {
  readonly requestId: string;
  readonly target: Target;
  /** null when no route has this path and method. */
  readonly route: Route | null;
  /** Where it is among the open ones; theirs to set. */
  place = -1;
  /** Set once the token was verified. */
  identity: Identity | null = null;
  readonly #ports: ExchangePorts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #startedAt = performance.now();
  #ended = false;

  constructor(
    ports: ExchangePorts,
    about: { readonly requestId: string; readonly target: Target; readonly route: Route | null },
    raw: { readonly request: IncomingMessage; readonly response: ServerResponse },
  ) {
    this.#ports = ports;
    this.requestId = about.requestId;
    this.target = about.target;
    this.route = about.route;
    this.#request = raw.request;
    this.#response = raw.response;
  }

  /** The connection; null once it is gone. */
  get socket(): Socket | null {
    return this.#request.socket;
  }

  /** Sends an answer. Never throws. */
  send(answer: Answer): void {
    if (this.#ended) return;
    try {
      if (answer.type === "stream") this.#stream(answer);
      else this.#write(answer.status, answer.headers, answer.body);
    } catch (error) {
      // An answer that cannot be written, such as one with a bad header, is a fault of this server.
      this.fail(error);
      return;
    }
    if (answer.type === "plain") this.#end(answer.status, "OK", null);
  }

  /** Answers with the problem document of an error. */
  fail(error: unknown): void {
    if (this.#ended) return;
    const apiError = toApiError(error, this.route);
    const answer = problemAnswer(apiError, this.requestId);
    this.#end(answer.status, apiError.code, apiError);
    // Too late for a status: cutting the connection is the only way to say that it failed.
    if (this.#response.headersSent) this.#response.destroy();
    else this.#write(answer.status, answer.headers, answer.body);
  }

  #write(status: number, list: readonly string[], body: string | Uint8Array): void {
    const response = this.#response;
    // The client is gone: there is nobody to answer.
    if (response.destroyed) return;
    const common = this.#commonHeaders();
    if (status !== 304) {
      const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
      this.#ports.answers.hold(this.#request.socket, response, length);
      common.push("content-length", String(length));
    }
    response.writeHead(status, [...list, ...common]);
    response.end(body);
  }

  #commonHeaders(): string[] {
    const { nodeName, closing } = this.#ports;
    const common = [headers.node, nodeName, headers.requestId, this.requestId];
    if (closing() || leavesLongBody(this.#request)) common.push("connection", "close");
    return common;
  }

  #stream(answer: StreamAnswer): void {
    const response = this.#response;
    response.writeHead(200, [...answer.headers, ...this.#commonHeaders()]);
    answer.write(response).then(
      () => this.#end(200, "OK", null),
      (error: unknown) => this.fail(error),
    );
  }

  #end(status: number, code: string, error: ApiError | null): void {
    this.#ended = true;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const route = this.route?.path ?? "unknown";
    const method = this.#request.method ?? "";
    this.#ports.metrics.finished({ method, route, status, code, seconds });
    this.#log({ status, code, error, seconds });
    this.#ports.ended(this);
  }

  #log(end: { status: number; code: string; error: ApiError | null; seconds: number }): void {
    const { logger } = this.#ports;
    const failed = end.code === "INTERNAL" || end.code === "VALUE_UNREADABLE";
    const level = failed ? "error" : "debug";
    if (!logger.isLevelEnabled(level)) return;
    // Never a key or a value: neither is anybody's business but the caller's.
    const about = {
      requestId: this.requestId,
      method: this.#request.method,
      route: this.route?.path ?? "unknown",
      status: end.status,
      code: end.code,
      milliseconds: Math.round(end.seconds * 1e6) / 1000,
      subject: this.identity?.subject ?? null,
      ...(failed ? { err: end.error?.extras.cause } : {}),
    };
    logger[level](about, failed ? "request failed" : "request");
  }
}
