/**
 * An API server that acts for one service account and notes which right each request needed: a
 * proxy in front of `kubectl proxy` that impersonates the account.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as open,
  type Server,
  type ServerResponse,
} from "node:http";

/** `VERB GROUP/RESOURCE`, as in a rule; the core group is empty. */
export type Right = string;

const write: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};
const PATH = new RegExp(
  "^/(?:api|apis/(?<group>[^/]+))/v[^/]+(?:/namespaces/[^/]+)?" +
    "/(?<resource>[a-z]+)(?:/(?<name>[^/]+)(?:/(?<sub>[a-z]+))?)?$",
);

/** Null: no resource is asked for (discovery). */
function rightOf(method: string, target: string): Right | null {
  const { pathname, searchParams } = new URL(target, "http://api");
  const { group = "", resource, name, sub } = PATH.exec(pathname)?.groups ?? {};
  if (resource === undefined) return null;
  const read = name !== undefined ? "get" : searchParams.has("watch") ? "watch" : "list";
  const verb = method === "GET" ? read : (write[method] ?? method);
  return `${verb} ${group}/${resource}${sub === undefined ? "" : `/${sub}`}`;
}

export class RecordedRights {
  readonly used: Set<Right> = new Set();
  /** What was refused with 403. */
  readonly refused: Set<string> = new Set();
  readonly #account: string;
  readonly #upstream: number;
  readonly #proxy: ChildProcess;
  readonly #server: Server;

  private constructor(account: string, proxy: ChildProcess, upstream: number) {
    this.#account = account;
    this.#proxy = proxy;
    this.#upstream = upstream;
    this.#server = createServer((request, response) => this.#forward(request, response));
  }

  static async start(account: string): Promise<RecordedRights> {
    const proxy = spawn("kubectl", ["proxy", "--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
    const [said]: readonly Buffer[] = await once(proxy.stdout, "data");
    const port = /127\.0\.0\.1:(\d+)/.exec(String(said))?.[1];
    assert.ok(port !== undefined, `kubectl proxy said ${said}`);
    const rights = new RecordedRights(account, proxy, Number(port));
    rights.#server.listen(0, "127.0.0.1");
    await once(rights.#server, "listening");
    return rights;
  }

  get url(): string {
    const address = this.#server.address();
    assert.ok(typeof address === "object" && address !== null);
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#proxy.kill("SIGTERM");
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url = "/" } = request;
    const headers = {
      ...request.headers,
      "impersonate-user": this.#account,
      "impersonate-group": ["system:serviceaccounts", "system:authenticated"],
    };
    delete headers.host;
    const place = { host: "127.0.0.1", port: this.#upstream, path: url, method };
    const onward = open({ ...place, headers }, (answer) => {
      this.#note(method, url, answer.statusCode ?? 0);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    this.#noteOwners(request);
    request.pipe(onward);
  }

  #note(method: string, url: string, status: number): void {
    const right = rightOf(method, url);
    if (right === null) return;
    if (status === 403) this.refused.add(`${method} ${url}`);
    if (status >= 300) return;
    this.used.add(right);
    // A server-side apply of what was not there is a creation, and is authorised as both.
    if (method === "PATCH" && status === 201) this.used.add(right.replace("patch ", "create "));
  }

  /** What the admission plugin OwnerReferencesPermissionEnforcement, where it is on, asks for. */
  #noteOwners(request: IncomingMessage): void {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("latin1");
    });
    request.on("end", () => {
      const isBlocking = body.includes('"blockOwnerDeletion":true');
      if (isBlocking) this.used.add("update kvcluster.io/kvclusters/finalizers");
    });
  }
}
