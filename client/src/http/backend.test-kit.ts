/**
 * A real HTTP server that plays a node: says whether it is ready and who leads, counts what it got,
 * and can refuse, stall, break off or die in the middle of a request.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after } from "node:test";

export type Behaviour = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

export interface Backend {
  readonly name: string;
  readonly url: string;
  readonly server: Server;
  /** `METHOD path` of each request but the checks. */
  readonly received: string[];
  behaviour: Behaviour;
  /** What /readyz says; "silent": it never answers. */
  readiness: "ready" | "unready" | "silent";
  leader: { name: string; clientAddress: string } | null;
  role: "leader" | "follower";
  checks: number;
  /** Resolves once `received` has this many. */
  gotRequests(count: number): Promise<void>;
  /** Closes the listener and every connection: as SIGKILL does. */
  kill(): Promise<void>;
}

export const answerOk: Behaviour = (request, response, body) => {
  response.setHeader("x-kv-node", "backend");
  response.end(`${request.method} ${request.url} ${body.length}`);
};

/** The problem document of a node that did nothing. */
export function refuse(code: string, fields: Record<string, unknown> = {}): Behaviour {
  return (_request, response) => {
    const problem = {
      type: "about:blank",
      title: code,
      status: 503,
      detail: code,
      code,
      retryable: true,
      requestId: "test",
      ...fields,
    };
    const body = JSON.stringify(problem);
    response.writeHead(problem.status, {
      "content-type": "application/problem+json",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  };
}

function answerCheck(backend: Backend, response: ServerResponse): void {
  backend.checks += 1;
  if (backend.readiness === "silent") return;
  const ready = backend.readiness === "ready";
  response.writeHead(ready ? 200 : 503, { "content-type": "application/json" });
  response.end(
    JSON.stringify({
      ready,
      node: backend.name,
      role: backend.role,
      phase: "serving",
      leader: backend.leader,
      reasons: ready ? [] : ["told so by the test"],
    }),
  );
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function listenOn(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Starts a backend; it is closed when the test is over. `port`: in the place of a dead one. */
export async function startBackend(name: string, port = 0): Promise<Backend> {
  const sockets = new Set<Socket>();
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/readyz") === true) {
      answerCheck(backend, response);
      return;
    }
    readBody(request).then(
      (body) => {
        backend.received.push(`${request.method} ${request.url}`);
        for (const { count, resolve } of waiting) if (backend.received.length >= count) resolve();
        backend.behaviour(request, response, body);
      },
      // The client's side broke off: there is nobody to answer.
      () => response.destroy(),
    );
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const url = `http://127.0.0.1:${await listenOn(server, port)}`;
  const backend: Backend = {
    name,
    url,
    server,
    received: [],
    behaviour: answerOk,
    readiness: "ready",
    leader: null,
    role: "follower",
    checks: 0,
    gotRequests: (count) =>
      new Promise((resolve) => {
        if (backend.received.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    kill: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  after(async () => {
    if (server.listening) await backend.kill();
  });
  return backend;
}

/** Polls until a condition holds. @throws after five seconds */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
