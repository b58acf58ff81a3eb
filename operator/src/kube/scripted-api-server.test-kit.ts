/**
 * An API server that does only what a test tells it: each request waits until the test takes it and
 * answers, streams or cuts it. And a clock that stands still until the test moves it.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import type { KubeClock } from "./clock.ts";
import { KubeConnection } from "./connection.ts";

/** A test that would wait for ever says for what. */
async function soon<T>(promise: Promise<T>, what: () => string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(what())), 30_000);
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

interface Timer {
  readonly at: number;
  readonly ms: number;
  readonly run: () => void;
}

export class ManualClock implements KubeClock {
  readonly #timers = new Set<Timer>();
  #time = 1_000_000;
  #watchers: (() => void)[] = [];

  readonly now = (): number => this.#time;
  readonly monotonic = (): number => this.#time;

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#time + ms, ms, run };
    this.#timers.add(timer);
    for (const watcher of this.#watchers.splice(0)) watcher();
    return () => this.#timers.delete(timer);
  };

  /** ms of every timer that is set, as it was asked for. */
  get waiting(): readonly number[] {
    return [...this.#timers].map(({ ms }) => ms);
  }

  /** Runs what is due on the way, in order. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#time = next.at;
      next.run();
    }
    this.#time = end;
  }

  /** Resolves as soon as somebody waits for so many ms. */
  async timer(ms: number): Promise<void> {
    while (!this.waiting.includes(ms)) {
      const set = new Promise<void>((resolve) => this.#watchers.push(resolve));
      await soon(set, () => `nobody waits for ${ms} ms, only for ${this.waiting.join()}`);
    }
  }
}

/** The server's side of one request. */
export class Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse, body: string) {
    this.method = request.method ?? "";
    this.url = new URL(request.url ?? "/", "http://server");
    this.headers = request.headers;
    this.body = body;
    this.#response = response;
  }

  get path(): string {
    return this.url.pathname;
  }

  query(name: string): string | null {
    return this.url.searchParams.get(name);
  }

  json(): Record<string, unknown> {
    return JSON.parse(this.body) as Record<string, unknown>;
  }

  reply(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { "content-type": "application/json", ...headers });
    this.#response.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  /** A metav1.Status that says no. */
  refuse(status: number, reason: string, headers: Record<string, string> = {}): void {
    this.reply(
      status,
      { kind: "Status", code: status, reason, message: `said ${reason}` },
      headers,
    );
  }

  /** Begins a watch. */
  open(): void {
    this.#response.writeHead(200, { "content-type": "application/json" });
    this.#response.flushHeaders();
  }

  send(type: string, object: unknown): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }

  write(text: string): void {
    this.#response.write(text);
  }

  end(): void {
    this.#response.end();
  }

  /** As when a load balancer dies: RST. */
  reset(): void {
    this.#response.socket?.resetAndDestroy();
  }

  /** Resolves when the client has gone away. */
  async closed(): Promise<void> {
    if (this.#response.destroyed) return;
    const gone = new Promise<void>((resolve) => this.#response.once("close", resolve));
    await soon(gone, () => `${this.method} ${this.path} is still open`);
  }
}

interface Taker {
  readonly isWanted: (exchange: Exchange) => boolean;
  readonly take: (exchange: Exchange) => void;
}

export class ScriptedApiServer {
  readonly #server: Server;
  readonly #arrived: Exchange[] = [];
  #takers: Taker[] = [];
  /** Requests that arrived, all told. */
  count = 0;
  /** As well, TCP connections. */
  connections = 0;

  static async start(t: TestContext): Promise<ScriptedApiServer> {
    const scripted = new ScriptedApiServer();
    const sockets = new Set<Socket>();
    scripted.#server.on("connection", (socket) => {
      sockets.add(socket);
      scripted.connections++;
    });
    await new Promise<void>((resolve) => scripted.#server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      scripted.#server.close();
    });
    return scripted;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#receive(request, response);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next request that is wanted, when it is there, in the order in which they arrive. */
  async next(isWanted: (exchange: Exchange) => boolean = () => true): Promise<Exchange> {
    const index = this.#arrived.findIndex(isWanted);
    const [arrived] = index === -1 ? [] : this.#arrived.splice(index, 1);
    if (arrived !== undefined) return arrived;
    const taken = new Promise<Exchange>((take) => this.#takers.push({ isWanted, take }));
    return await soon(taken, () => `no request came after ${this.count}`);
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  connect(clock: KubeClock): KubeConnection {
    const config = new KubeConfig();
    const server = { name: "scripted", server: this.url, skipTLSVerify: true };
    config.loadFromClusterAndUser(server, { name: "tester", token: "test-token" });
    return new KubeConnection({ config, clock, random: () => 0.5 });
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const exchange = new Exchange(request, response, body);
    this.count++;
    const index = this.#takers.findIndex(({ isWanted }) => isWanted(exchange));
    const [taker] = index === -1 ? [] : this.#takers.splice(index, 1);
    if (taker === undefined) this.#arrived.push(exchange);
    else taker.take(exchange);
  }
}

/** A ConfigMap as the wire has it. */
export const wireObject = (name: string, version: string, more: object = {}): object => ({
  metadata: { namespace: "shop", name, uid: `uid-${name}`, resourceVersion: version },
  ...more,
});
