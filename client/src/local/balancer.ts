/**
 * The load balancer of the local cluster: an HTTP/1.1 reverse proxy that spreads requests over the
 * nodes by power of two choices, sends writes to the leader by preference, and leaves out nodes
 * that do not answer. Holds no state that matters: it can be killed and started at any time.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ErrorCode } from "@kvcluster/protocol";
import type { Agent } from "undici";
import {
  createAgent,
  type EndpointView,
  normalizeEndpoint,
  Picker,
  RetryBudget,
} from "../index.ts";
import { balancerName, buildProblem, sendJson, sendProblem } from "./balancer-answers.ts";
import type { Attempt } from "./balancer-attempt.ts";
import { HealthChecker } from "./balancer-health.ts";
import { isPassedMethod, ProxiedRequest, type ProxyCounters } from "./balancer-proxy.ts";
import {
  type BalancerLimits,
  balancerPicker,
  defaultBalancerLimits,
  upstreamConnections,
} from "./balancer-settings.ts";

export interface BalancerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Base URLs of the nodes. */
  readonly nodes: readonly string[];
  readonly limits?: Partial<BalancerLimits>;
}

/** `GET /balancer/status` */
export interface BalancerStatus {
  readonly address: string;
  readonly requestsUnderWay: number;
  readonly leader: string | null;
  readonly nodes: readonly (EndpointView & {
    readonly name: string | null;
    readonly role: string | null;
  })[];
  readonly totals: Readonly<ProxyCounters>;
}

/** Connection-level errors of a client, before there is a request. */
const parserErrors: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: "HEADERS_TOO_LARGE",
  ERR_HTTP_REQUEST_TIMEOUT: "REQUEST_TIMEOUT",
};

export class Balancer {
  readonly #options: BalancerOptions;
  readonly #limits: BalancerLimits;
  readonly #picker: Picker;
  readonly #agent: Agent;
  readonly #health: HealthChecker;
  readonly #server: Server;
  readonly #underWay = new Map<string, Set<Attempt>>();
  readonly #budget: RetryBudget;
  readonly #suspects = new Set<Promise<void>>();
  readonly #counters: ProxyCounters = {
    requests: 0,
    retried: 0,
    refusedOverloaded: 0,
    refusedNoNode: 0,
    outcomeUnknown: 0,
    clientsGone: 0,
  };
  #requests = 0;

  /** @throws RangeError when a node's URL is none */
  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#limits = { ...defaultBalancerLimits, ...options.limits };
    const clock = { nowMs: () => performance.now(), random: () => Math.random() };
    this.#picker = new Picker(options.nodes.map(toOrigin), balancerPicker, clock);
    this.#budget = new RetryBudget(this.#limits);
    this.#agent = createAgent(upstreamConnections);
    this.#health = new HealthChecker({
      dispatcher: this.#agent,
      picker: this.#picker,
      limits: this.#limits,
      onGone: (url) => this.#endWaiting(url),
    });
    this.#server = this.#createServer();
  }

  /** Checks every node once, then listens. @throws the listener's error, for example EADDRINUSE */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    await this.#health.start();
  }

  /** `http://host:port`, once it listens. */
  get address(): string {
    const bound = this.#server.address();
    const port = bound !== null && typeof bound === "object" ? bound.port : this.#options.port;
    return `http://${this.#options.host}:${port}`;
  }

  status(): BalancerStatus {
    const findings = new Map(this.#health.findings().map(({ url, outcome }) => [url, outcome]));
    const nodes = this.#picker.view().map((view) => {
      const outcome = findings.get(view.url);
      const known = outcome === undefined || outcome.type === "unreachable" ? null : outcome;
      return { ...view, name: known?.node ?? null, role: known?.role ?? null };
    });
    return {
      address: this.address,
      requestsUnderWay: this.#requests,
      leader: this.#picker.leaderUrl,
      nodes,
      totals: { ...this.#counters },
    };
  }

  /** Takes no new connection, lets requests under way end within a grace, then closes all. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const force = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeGraceMs);
    await closed;
    clearTimeout(force);
    await Promise.all(this.#suspects);
    await this.#health.stop();
    await this.#agent.destroy();
  }

  #createServer(): Server {
    const limits = this.#limits;
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: limits.clientHeadersTimeoutMs,
        requestTimeout: limits.clientRequestTimeoutMs,
        keepAliveTimeout: limits.clientIdleTimeoutMs,
        connectionsCheckingInterval: Math.min(5_000, limits.clientHeadersTimeoutMs),
        noDelay: true,
      },
      (request, response) => this.#onRequest(request, response),
    );
    server.maxConnections = limits.clientConnectionsMax;
    server.setTimeout(limits.clientStallTimeoutMs);
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      refuseConnection(error, socket);
    });
    return server;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#counters.requests += 1;
    if (!this.#server.listening) response.shouldKeepAlive = false;
    if (this.#answerOwn(request, response)) return;
    if (!isPassedMethod(request.method)) {
      sendProblem(response, { code: "METHOD_NOT_ALLOWED", detail: `method ${request.method}` });
      return;
    }
    if (request.url?.startsWith("/") !== true) {
      sendProblem(response, { code: "BAD_REQUEST", detail: "the request target is not a path" });
      return;
    }
    const coding = request.headers["transfer-encoding"];
    if (coding !== undefined && coding.toLowerCase() !== "chunked") {
      // It would reach the node as if the coded bytes were the value.
      const detail = "Transfer-Encoding other than chunked is not accepted";
      response.shouldKeepAlive = false;
      sendProblem(response, { code: "UNSUPPORTED_ENCODING", detail });
      return;
    }
    if (this.#requests >= this.#limits.requestsMax) {
      this.#counters.refusedOverloaded += 1;
      const detail = `${this.#requests} requests are under way (requestsMax)`;
      sendProblem(response, { code: "OVERLOADED", detail });
      return;
    }
    this.#proxy(request, response);
  }

  #proxy(request: IncomingMessage, response: ServerResponse): void {
    this.#requests += 1;
    this.#budget.deposit();
    response.once("close", () => {
      this.#requests -= 1;
      // While closing, a connection that kept alive has nothing left to wait for.
      if (!this.#server.listening) this.#server.closeIdleConnections();
    });
    new ProxiedRequest(request, response, {
      dispatcher: this.#agent,
      picker: this.#picker,
      limits: this.#limits,
      budget: this.#budget,
      counters: this.#counters,
      underWay: this.#underWay,
      onSuspect: (url) => this.#checkSoon(url),
    }).start();
  }

  /** The balancer's own routes: its life, whether it has a node to offer, and its figures. */
  #answerOwn(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    const [path = ""] = (request.url ?? "").split("?");
    switch (path) {
      case "/livez":
        sendJson(response, 200, { ok: true, node: balancerName });
        return true;
      case "/readyz":
        this.#answerReadiness(response);
        return true;
      case "/balancer/status":
        sendJson(response, 200, this.status());
        return true;
      default:
        return false;
    }
  }

  #answerReadiness(response: ServerResponse): void {
    const ready = this.#picker.bestHealth() === "ready";
    const led = this.#health.findings().find(({ outcome }) => outcome.type !== "unreachable");
    const leader =
      led === undefined || led.outcome.type === "unreachable" ? null : led.outcome.leader;
    sendJson(response, ready ? 200 : 503, {
      ready,
      node: balancerName,
      role: null,
      phase: "serving",
      leader: leader === null ? null : { name: leader.name, clientAddress: leader.url },
      reasons: ready ? [] : ["no node is ready"],
    });
  }

  #checkSoon(url: string): void {
    const check = this.#health.checkNow(url);
    this.#suspects.add(check);
    void check.finally(() => this.#suspects.delete(check));
  }

  /**
   * A node is gone: whoever still waits for the head of its answer is told, or served elsewhere.
   */
  #endWaiting(url: string): void {
    for (const attempt of this.#underWay.get(url) ?? []) {
      if (!attempt.isAnswering) attempt.cancel(new Error(`${url} does not answer its checks`));
    }
  }
}

function toOrigin(url: string): string {
  const origin = normalizeEndpoint(url);
  if (origin === null) throw new RangeError(`not the URL of a node: ${url}`);
  return origin;
}

/**
 * Whether an answer is under way, or awaited for a request that arrived whole: bytes between them
 * would be taken for that answer, and a refusal for a write that takes effect.
 */
function isAnswering(socket: Socket): boolean {
  const response: unknown = Reflect.get(socket, "_httpMessage");
  if (!(response instanceof ServerResponse)) return false;
  return response.headersSent || response.req.complete;
}

/** What is not an HTTP request gets one problem document and is closed. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const code = parserErrors[error.code ?? ""] ?? "BAD_REQUEST";
  const problem = buildProblem({ code, detail: error.message }, "none");
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\n` +
      `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}
