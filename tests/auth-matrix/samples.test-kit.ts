/**
 * A request for every route that needs a token: complete and well-formed, so that nothing but
 * access control refuses it. A new route needs a line here; the matrix says so when it is missing.
 */
import type { Verb } from "@kvcluster/protocol";
import type { InjectOptions } from "fastify";
import type { RegisteredRoute } from "./matrix.test-kit.ts";

export interface Sample {
  readonly verb: Verb;
  readonly request: InjectOptions;
}

const json = (method: "POST" | "PATCH", url: string, body: object): InjectOptions => ({
  method,
  url,
  payload: JSON.stringify(body),
  headers: { "content-type": "application/json" },
});

const member = {
  id: 1,
  name: "node-1",
  role: "voter",
  peerAddress: "127.0.0.1:5101",
  clientAddress: "http://127.0.0.1:5001",
};

const learner = {
  name: "node-9",
  peerAddress: "127.0.0.1:5109",
  clientAddress: "http://127.0.0.1:5009",
};

const batch = { operations: [{ type: "put", key: "app/a", value: "YQ==" }] };
const joining = { clusterId: "0".repeat(32), nodeId: 2, members: [member] };
const addresses = { peerAddress: "127.0.0.1:6101" };

const admin = (request: InjectOptions): Sample => ({ verb: "admin", request });

const samples: Readonly<Record<string, Sample>> = {
  "GET /v1/kv/{key}": { verb: "read", request: { method: "GET", url: "/v1/kv/app/a" } },
  "HEAD /v1/kv/{key}": { verb: "read", request: { method: "HEAD", url: "/v1/kv/app/a" } },
  "PUT /v1/kv/{key}": {
    verb: "write",
    request: { method: "PUT", url: "/v1/kv/app/a", payload: "x" },
  },
  "DELETE /v1/kv/{key}": { verb: "write", request: { method: "DELETE", url: "/v1/kv/app/a" } },
  "GET /v1/kv": { verb: "read", request: { method: "GET", url: "/v1/kv?prefix=app/" } },
  "DELETE /v1/kv": { verb: "write", request: { method: "DELETE", url: "/v1/kv?prefix=app/" } },
  "POST /v1/batch": { verb: "write", request: json("POST", "/v1/batch", batch) },
  "POST /v1/compact": admin(json("POST", "/v1/compact", { revision: 1 })),
  "GET /v1/cluster": admin({ method: "GET", url: "/v1/cluster" }),
  "POST /v1/cluster/bootstrap": admin({ method: "POST", url: "/v1/cluster/bootstrap" }),
  "POST /v1/cluster/join": admin(json("POST", "/v1/cluster/join", joining)),
  "GET /v1/cluster/members": admin({ method: "GET", url: "/v1/cluster/members" }),
  "POST /v1/cluster/members": admin(json("POST", "/v1/cluster/members", learner)),
  "POST /v1/cluster/members/:id/promote": admin({
    method: "POST",
    url: "/v1/cluster/members/1/promote",
  }),
  "POST /v1/cluster/members/:id/demote": admin({
    method: "POST",
    url: "/v1/cluster/members/1/demote",
  }),
  "DELETE /v1/cluster/members/:id": admin({ method: "DELETE", url: "/v1/cluster/members/9" }),
  "PATCH /v1/cluster/members/:id": admin(json("PATCH", "/v1/cluster/members/1", addresses)),
  "POST /v1/cluster/leader": admin(json("POST", "/v1/cluster/leader", {})),
  "POST /v1/cluster/drain": admin({ method: "POST", url: "/v1/cluster/drain" }),
  "GET /v1/status": admin({ method: "GET", url: "/v1/status" }),
  "GET /v1/maintenance/hash": admin({ method: "GET", url: "/v1/maintenance/hash" }),
  "GET /v1/maintenance/snapshot": admin({ method: "GET", url: "/v1/maintenance/snapshot" }),
};

/** @throws Error for a route without a sample: every route is in the matrix. */
export function sampleOf({ method, url }: RegisteredRoute): Sample {
  const sample = samples[`${method} ${url}`];
  if (sample !== undefined) return sample;
  throw new Error(`${method} ${url} has no sample in tests/auth-matrix/samples.test-kit.ts`);
}

/** Samples whose routes are gone. */
export const staleSamples = (routes: readonly RegisteredRoute[]): string[] => {
  const names = new Set(routes.map(({ method, url }) => `${method} ${url}`));
  return Object.keys(samples).filter((name) => !names.has(name));
};
