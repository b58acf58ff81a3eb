/**
 * The HTTP server: registers routes with fastify, and takes each request through the same steps:
 * gate, token, body, plan, authorisation, run, answer. No route can leave a step out.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { requestIdPattern } from "@kvcluster/protocol";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type onRequestHookHandler,
} from "fastify";
import type { LimitsConfig, TimeoutsConfig } from "../config/index.ts";
import { AnswerLimits } from "./answer-limits.ts";
import { ApiError } from "./api-error.ts";
import type { Authorizer } from "./authorization.ts";
import { answerConnectionError } from "./connection-errors.ts";
import type { ApiContext, ApiLog, RequestMetrics } from "./context.ts";
import { readDeadline } from "./deadline.ts";
import { Exchange, type ExchangePorts } from "./exchange.ts";
import { checkHeaders } from "./gate.ts";
import { OpenExchanges } from "./open-exchanges.ts";
import { Query } from "./query.ts";
import type { Call, Plan, Route } from "./route.ts";
import { frameworkPath, RouteTable } from "./router.ts";
import { splitTarget } from "./target.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set when the request is admitted, before its body is read. */
    exchange: Exchange;
  }
  interface FastifyContextConfig {
    /** The verb a route needs; a route under /v1 without one is refused at registration. */
    access?: Route["access"];
  }
}

/** What a server is made of. */
export interface ServerSetup {
  readonly routes: readonly Route[];
  readonly context: ApiContext;
  readonly authorizer: Authorizer;
  readonly metrics: RequestMetrics;
  readonly logger: ApiLog;
  readonly limits: LimitsConfig;
  readonly timeouts: TimeoutsConfig;
}

/** Longest path parameter, for example a member's id. */
const parameterCharsMax = 128;
/** Bodies of routes that take none are read and forgotten up to so many bytes. */
const ignoredBodyBytesMax = 1024;
const noBody = new Uint8Array(0);

const bodyBytesMax = (route: Route, limits: LimitsConfig): number => {
  switch (route.body) {
    case "value":
      return limits.valueBytesMax;
    case "json":
      return limits.bodyBytesMax;
    case "none":
      return ignoredBodyBytesMax;
  }
};

/**
 * A connection on which nothing moved for so long is cut: its client reads no answer and holds the
 * memory of one, or a backup. Longer than any request may wait for the cluster.
 */
const stalledMs = ({ requestMaxMs, bodyMs, keepAliveMs }: TimeoutsConfig): number =>
  Math.max(requestMaxMs, keepAliveMs) + bodyMs;

/** Ids of requests that bring none: unique over restarts, and cheap. */
function requestIds(): (request: IncomingMessage) => string {
  const life = randomBytes(4).toString("hex");
  let count = 0;
  return (request) => {
    const given = request.headers["x-request-id"];
    if (typeof given === "string" && requestIdPattern.test(given)) return given;
    count += 1;
    return `${life}-${count.toString(36)}`;
  };
}

export class ApiServer {
  readonly app: FastifyInstance;
  readonly setup: ServerSetup;
  readonly #table: RouteTable;
  readonly #ports: ExchangePorts;
  /** The gates of this server's own routes. */
  readonly #gates = new WeakSet<onRequestHookHandler>();
  readonly #sockets = new Set<Socket>();
  readonly #inFlight = new OpenExchanges<Exchange>();
  #closing = false;

  constructor(setup: ServerSetup) {
    this.setup = setup;
    this.#table = new RouteTable(setup.routes);
    this.#ports = {
      nodeName: setup.context.node.name,
      logger: setup.logger,
      metrics: setup.metrics,
      answers: new AnswerLimits(setup.limits.answerBytesMax),
      closing: () => this.#closing,
      ended: (exchange) => {
        this.#inFlight.delete(exchange);
        // After the answer itself is on its way: it is written right after this is called.
        if (this.#closing) setImmediate(() => this.#endUnusedConnections());
      },
    };
    this.app = this.#createApp();
    this.#register();
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Listens; resolves with `host:port`, where the port is the real one. */
  async listen(hostPort: string): Promise<string> {
    const at = hostPort.lastIndexOf(":");
    const host = hostPort.slice(0, at).replace(/^\[(.*)\]$/, "$1");
    await this.app.listen({ host, port: Number(hostPort.slice(at + 1)) });
    const address = this.app.server.address();
    if (address === null || typeof address === "string") throw new Error("no port was bound");
    return `${hostPort.slice(0, at)}:${address.port}`;
  }

  /**
   * Stops accepting, lets requests in flight finish, and cuts what is left after the grace period.
   * New requests on open connections are refused as SHUTTING_DOWN.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const { server } = this.app;
    const { shutdownGraceMs } = this.setup.timeouts;
    const cut = setTimeout(() => server.closeAllConnections(), shutdownGraceMs);
    try {
      if (server.listening) await this.#closeConnections();
      await this.app.close();
    } finally {
      clearTimeout(cut);
    }
  }

  /**
   * Stops accepting, and resolves when the last connection is gone. This is not left to the server
   * of node:http: it cuts an answer whose last bytes still wait for a slow reader, and it waits for
   * connections that never sent a whole request, such as those a client opened in advance.
   */
  async #closeConnections(): Promise<void> {
    const { server } = this.app;
    const closed = once(server, "close");
    NetServer.prototype.close.call(server);
    this.#endUnusedConnections();
    await closed;
  }

  /** Ends each connection without a request in flight, when its last bytes have left. */
  #endUnusedConnections(): void {
    const busy = new Set(Array.from(this.#inFlight.values(), ({ socket }) => socket));
    for (const socket of this.#sockets) if (!busy.has(socket)) socket.destroySoon();
  }

  #createApp(): FastifyInstance {
    const { limits, timeouts, metrics } = this.setup;
    const app = fastify({
      logger: false,
      genReqId: requestIds(),
      requestIdHeader: false,
      exposeHeadRoutes: false,
      return503OnClosing: false,
      bodyLimit: ignoredBodyBytesMax,
      rewriteUrl: (request) => splitTarget(request.url ?? "/").route,
      routerOptions: { maxParamLength: parameterCharsMax, querystringParser: () => ({}) },
      keepAliveTimeout: timeouts.keepAliveMs,
      connectionTimeout: stalledMs(timeouts),
      requestTimeout: timeouts.bodyMs,
      http: {
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: timeouts.headersMs,
        connectionsCheckingInterval: Math.min(1000, timeouts.headersMs),
      },
      clientErrorHandler: (error, socket) => answerConnectionError(error, socket, metrics),
      frameworkErrors: (error, request, reply) => {
        this.#open(null, request, reply).fail(error);
      },
    });
    app.server.maxConnections = limits.connectionsMax;
    app.server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    app.server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
      this.#refuseExpectation(request, response);
    });
    return app;
  }

  #register(): void {
    const { app } = this;
    app.decorateRequest("exchange");
    app.addHook("onRoute", ({ url, config, onRequest }) => {
      const isPublic = config?.access === undefined || config.access === "public";
      if (isPublic && url.startsWith("/v1")) throw new Error(`route ${url} declares no verb`);
      // What is registered past the table would run without the gate.
      const isGated = typeof onRequest === "function" && this.#gates.has(onRequest);
      if (!isGated) throw new Error(`route ${url} has not the gate of this server`);
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
      done(null, body);
    });
    app.setErrorHandler((error, request, reply) => {
      reply.hijack();
      request.exchange.fail(error);
    });
    app.addHook("onRequest", (request, reply, done) => {
      // Where no route matched, none has admitted it.
      if (!request.is404 || this.#admit(null, request, reply)) done();
    });
    app.setNotFoundHandler((request, reply) => {
      reply.hijack();
      request.exchange.fail(this.#notFound(request));
    });
    for (const route of this.#table.routes) this.#registerOne(route);
  }

  #registerOne(route: Route): void {
    // A gate for each route: to ask fastify for a request's route builds an object each time.
    const gate: onRequestHookHandler = (request, reply, done) => {
      if (this.#admit(route, request, reply)) done();
    };
    this.#gates.add(gate);
    this.app.route({
      method: route.method,
      url: frameworkPath(route.path),
      bodyLimit: bodyBytesMax(route, this.setup.limits),
      config: { access: route.access },
      onRequest: gate,
      handler: (request, reply) => {
        reply.hijack();
        this.#serve(route, request);
      },
    });
  }

  #open(route: Route | null, request: FastifyRequest, reply: FastifyReply): Exchange {
    const raw = { request: request.raw, response: reply.raw };
    const target = splitTarget(request.originalUrl);
    const exchange = new Exchange(this.#ports, { requestId: request.id, target, route }, raw);
    this.#inFlight.add(exchange);
    return exchange;
  }

  /** Everything that can be decided from the headers. False: the request was answered. */
  #admit(route: Route | null, request: FastifyRequest, reply: FastifyReply): boolean {
    const exchange = this.#open(route, request, reply);
    request.exchange = exchange;
    try {
      this.#ports.answers.admit(request.raw.socket, reply.raw);
      if (route === null || route.access === "public") return true;
      this.#checkLoad();
      checkHeaders(request.headers);
      exchange.identity = this.setup.authorizer.authenticate(request.headers.authorization);
      return true;
    } catch (error) {
      reply.hijack();
      exchange.fail(error);
      return false;
    }
  }

  #checkLoad(): void {
    if (this.#closing) throw new ApiError("SHUTTING_DOWN", "this node is going down");
    const { requestsInFlightMax } = this.setup.limits;
    if (this.#inFlight.size <= requestsInFlightMax) return;
    throw new ApiError("OVERLOADED", `${requestsInFlightMax} requests are in flight`);
  }

  #serve(route: Route, request: FastifyRequest): void {
    const { exchange } = request;
    try {
      const plan = route.plan(this.#toCall(route, request), this.setup.context);
      this.#authorize(route, exchange, plan);
      plan.run().then(
        (answer) => exchange.send(answer),
        (error: unknown) => exchange.fail(error),
      );
    } catch (error) {
      exchange.fail(error);
    }
  }

  /** @throws ApiError FORBIDDEN; Error when a route's plan asks for less than it declares */
  #authorize(route: Route, { identity }: Exchange, plan: Plan): void {
    if (route.access === "public") return;
    const declared = plan.needs.length > 0 && plan.needs.every(({ verb }) => verb === route.access);
    if (identity === null || !declared) {
      throw new Error(`${route.method} ${route.path} was about to run without authorisation`);
    }
    this.setup.authorizer.authorize(identity, plan.needs);
  }

  #toCall(route: Route, request: FastifyRequest): Call {
    const { target } = request.exchange;
    const query = new Query(target.query, [...route.query, "timeout"]);
    const { params, body, headers } = request;
    return {
      headers,
      key: target.key,
      params: isParams(params) ? params : {},
      query,
      body: body instanceof Uint8Array ? body : noBody,
      deadlineMs: readDeadline(query, headers, this.setup.timeouts),
    };
  }

  #notFound(request: FastifyRequest): ApiError {
    const { target } = request.exchange;
    const methods = this.#table.methodsOf(target.route);
    if (methods.length === 0) return new ApiError("NOT_FOUND", "no route has this path");
    const allow = methods.join(", ");
    return new ApiError("METHOD_NOT_ALLOWED", `the path allows ${allow}`, { allow });
  }

  #refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
    const target = splitTarget(request.url ?? "/");
    const about = { requestId: randomBytes(8).toString("hex"), target, route: null };
    const exchange = new Exchange(this.#ports, about, { request, response });
    this.#inFlight.add(exchange);
    exchange.fail(new ApiError("EXPECTATION_FAILED", "only Expect: 100-continue is understood"));
  }
}

const isParams = (params: unknown): params is Readonly<Record<string, string>> =>
  typeof params === "object" && params !== null;
