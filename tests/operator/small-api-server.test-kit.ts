/** Just enough of an API server over HTTP for the operator's process to start, lead and stop. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  schemaVersion,
  schemaVersionAnnotation,
} from "../../operator/src/model/api/schema-version.ts";

export interface Lease {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec: { readonly holderIdentity: string };
}

export class SmallApiServer {
  /** Of the CRD's schema; null: there is no CRD. */
  crdVersion: number | null = schemaVersion;
  lease: Lease | null = null;
  /** Name → uid. */
  readonly pods: Map<string, string> = new Map();
  /** What the disruption budget allows now. */
  evictionsLeft = 0;
  readonly requests: string[] = [];
  readonly #server: Server;
  #versions = 1;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Somebody else takes the Lease over. */
  takeLease(holderIdentity: string): void {
    this.lease = this.#leaseOf({ holderIdentity });
  }

  #leaseOf(spec: object): Lease {
    this.#versions += 1;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        name: "kvcluster-operator",
        namespace: "system",
        uid: "lease",
        resourceVersion: String(this.#versions),
        creationTimestamp: "2026-01-01T00:00:00Z",
      },
      spec: { leaseDurationSeconds: 15, ...spec },
    } as unknown as Lease;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://server");
    const method = request.method ?? "";
    this.requests.push(`${method} ${url.pathname}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (url.searchParams.get("watch") === "true") {
      // Open and silent; ends with the client.
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      return;
    }
    const { status, body } = this.#find(method, url.pathname, Buffer.concat(chunks).toString());
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  }

  #find(method: string, path: string, body: string): Answer {
    const pod = /\/pods\/([^/]+)\/eviction$/.exec(path)?.[1];
    if (method === "POST" && pod !== undefined) return this.#evict(pod, body);
    if (path.includes("/leases")) return this.#leaseAnswer(method, body);
    if (path.includes("/customresourcedefinitions/")) {
      const annotations = { [schemaVersionAnnotation]: String(this.crdVersion) };
      return this.crdVersion === null
        ? missing
        : { status: 200, body: { metadata: { annotations } } };
    }
    const isList = /\/(v1|v1alpha1)\/[a-z]+$/.test(path);
    return isList
      ? { status: 200, body: { metadata: { resourceVersion: "1" }, items: [] } }
      : missing;
  }

  #evict(pod: string, body: string): Answer {
    const { deleteOptions } = JSON.parse(body) as Eviction;
    const uid = this.pods.get(pod);
    if (uid === undefined) return missing;
    if (this.evictionsLeft === 0) return overBudget;
    // As it is there: counted before the pod is looked at.
    this.evictionsLeft -= 1;
    if (deleteOptions.preconditions.uid !== uid) return conflict;
    this.pods.delete(pod);
    return { status: 201, body: { kind: "Status", status: "Success", code: 201 } };
  }

  #leaseAnswer(method: string, body: string): Answer {
    if (method === "GET") return this.lease === null ? missing : { status: 200, body: this.lease };
    const wanted = JSON.parse(body) as Lease;
    const { resourceVersion } = this.lease?.metadata ?? wanted.metadata;
    if (wanted.metadata.resourceVersion !== resourceVersion) return conflict;
    this.lease = this.#leaseOf(wanted.spec);
    return { status: method === "POST" ? 201 : 200, body: this.lease };
  }
}

interface Eviction {
  readonly deleteOptions: { readonly preconditions: { readonly uid: string } };
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

const failure = (status: number, reason: string, more: object = {}): Answer => ({
  status,
  body: { kind: "Status", status: "Failure", reason, code: status, ...more },
});
const missing = failure(404, "NotFound");
const conflict = failure(409, "Conflict");
const overBudget = failure(429, "TooManyRequests", {
  message: "Cannot evict pod as it would violate the pod's disruption budget.",
  details: {
    causes: [
      {
        reason: "DisruptionBudget",
        message: "The disruption budget demo needs 2 healthy pods and has 2 currently",
      },
    ],
  },
});
