/** `/livez`, `/readyz`, `/startupz`, `/metrics` on one port. Needs no token, tells no secret. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HealthCheckResult {
  readonly name: string;
  /** null: fine; else what is wrong. */
  readonly fault: string | null;
}

export interface HealthSources {
  /** What only a restart would heal. */
  readonly live: () => readonly HealthCheckResult[];
  /** Whether this process knows the API server's present state; a standby does, too. */
  readonly ready: () => readonly HealthCheckResult[];
  readonly started: () => readonly HealthCheckResult[];
  readonly metrics: () => Promise<string>;
  readonly metricsType: string;
}

/** A scraper that is slower than this has gone away. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

export class HealthServer {
  readonly #server: Server;
  readonly #sources: HealthSources;

  constructor(sources: HealthSources) {
    this.#sources = sources;
    this.#server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => {
        this.#answer(request.method ?? "", request.url ?? "", response).catch((error: unknown) => {
          // A metric that cannot be worked out: the scraper is told, and its target is down.
          response.destroy(error instanceof Error ? error : new Error(String(error)));
        });
      },
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns the port, which differs from 0. @throws when it is taken */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, resolve);
    });
    const address: AddressInfo | string | null = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(method: string, url: string, response: ServerResponse): Promise<void> {
    const page = await this.#page(method, url.split("?")[0] ?? "");
    response.writeHead(page.status, { "content-type": page.type, "cache-control": "no-store" });
    response.end(page.body);
  }

  async #page(method: string, path: string): Promise<Page> {
    if (method !== "GET" && method !== "HEAD") return plain(405, "only GET");
    const { live, ready, started, metrics, metricsType } = this.#sources;
    switch (path) {
      case "/livez":
        return toPage(live());
      case "/readyz":
        return toPage(ready());
      case "/startupz":
        return toPage(started());
      case "/metrics":
        return { status: 200, body: await metrics(), type: metricsType };
      default:
        return plain(404, "there are /livez /readyz /startupz /metrics");
    }
  }
}

interface Page {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

const plain = (status: number, text: string): Page => ({
  status,
  body: `${text}\n`,
  type: "text/plain",
});

function toPage(checks: readonly HealthCheckResult[]): Page {
  const isFine = checks.every(({ fault }) => fault === null);
  const lines = checks.map(({ name, fault }) =>
    fault === null ? `ok ${name}` : `failed ${name}: ${fault}`,
  );
  return plain(isFine ? 200 : 503, lines.join("\n"));
}
