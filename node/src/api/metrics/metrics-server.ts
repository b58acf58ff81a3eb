/**
 * The listener of the metrics port: the metrics page and the health checks, for scrapers and probes
 * that must not need a token nor reach the client port. Takes nothing but GET and HEAD. When there
 * are too many connections an unused one gives way: whoever holds sockets open must not keep the
 * probes out, or a healthy node is restarted.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { MetricsPage } from "../context.ts";

/** Answers a health check; the same that the client port gives. */
export interface HealthPort {
  /** @param path `/livez`, `/readyz` or `/startupz` */
  check(path: string, verbose: boolean): { readonly status: number; readonly body: string };
}

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly page: MetricsPage;
  readonly health: HealthPort;
  /** Told of a page that could not be made. */
  readonly onError: (error: Error) => void;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Scrapers and probes are few; when more connections come, others are closed. */
export const metricsConnectionsMax = 64;
/** For headers, for a whole request, and for an answer of which nothing more is read. */
const requestTimeoutMs = 5_000;
const timeoutsCheckedMs = 1_000;
const headerBytesMax = 8192;

const healthPaths: ReadonlySet<string> = new Set(["/livez", "/readyz", "/startupz"]);

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const plain = (status: number, body: string): Reply => ({ status, type: "text/plain", body });

async function answer(request: IncomingMessage, options: MetricsServerOptions): Promise<Reply> {
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "GET only\n");
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  if (healthPaths.has(path)) {
    const verbose = new URLSearchParams(query).has("verbose");
    return { type: "application/json", ...options.health.check(path, verbose) };
  }
  if (path !== "/metrics") return plain(404, "/metrics, /livez, /readyz, /startupz\n");
  try {
    return { status: 200, type: options.page.contentType, body: await options.page.render() };
  } catch (cause) {
    options.onError(new Error("the metrics page could not be made", { cause }));
    return plain(500, "the metrics page could not be made; see the node's log\n");
  }
}

function send(response: ServerResponse, reply: Reply, head: boolean): void {
  const headers = {
    "content-type": reply.type,
    "content-length": Buffer.byteLength(reply.body),
    "cache-control": "no-store",
    ...(reply.status === 405 ? { allow: "GET, HEAD" } : {}),
  };
  response.writeHead(reply.status, headers);
  response.end(head ? undefined : reply.body);
}

/** Open connections in order of arrival, and those that are being answered. */
class Connections {
  readonly #open = new Set<Socket>();
  readonly #answering = new Set<Socket>();

  take(socket: Socket): void {
    if (this.#open.size >= metricsConnectionsMax) this.#makeRoom();
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  }

  answer({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#answering.add(socket);
    response.once("close", () => this.#answering.delete(socket));
  }

  /** The oldest one that is not being answered goes, or else the oldest. */
  #makeRoom(): void {
    const open = [...this.#open];
    const leaving = open.find((socket) => !this.#answering.has(socket)) ?? open[0];
    if (leaving === undefined) return;
    this.#open.delete(leaving);
    leaving.destroy();
  }
}

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === "object" && address !== null ? address.port : 0;

/** Listens. @throws the system's error when the address is in use or not allowed */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const connections = new Connections();
  const server = createServer(
    {
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: timeoutsCheckedMs,
      maxHeaderSize: headerBytesMax,
    },
    (request, response) => {
      connections.answer(request, response);
      // A body is not read: the connection is closed after the answer when there is one.
      if (request.headers["content-length"] ?? request.headers["transfer-encoding"]) {
        response.shouldKeepAlive = false;
      }
      answer(request, options).then(
        (reply) => send(response, reply, request.method === "HEAD"),
        (cause: unknown) => {
          options.onError(new Error("a health check failed", { cause }));
          response.destroy();
        },
      );
    },
  );
  server.setTimeout(requestTimeoutMs);
  server.on("connection", (socket) => connections.take(socket));
  await listen(server, options.host, options.port);
  server.on("error", (cause) => {
    options.onError(new Error("the metrics listener failed", { cause }));
  });
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
