/**
 * What a route is. A route turns a request into a plan: what the request needs, and how to carry it
 * out. The server grants or refuses the needs in between, so no route can act unauthorised.
 */

import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { JsonSchema, Verb } from "@kvcluster/protocol";
import type { Need } from "./authorization.ts";
import type { ApiContext } from "./context.ts";
import type { Query } from "./query.ts";

/** A request whose body is complete and whose sender is known. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  /** The part of the path after `/v1/kv/`, percent-encoded; null on other routes. */
  readonly key: string | null;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Empty when there was none. */
  readonly body: Uint8Array;
  readonly deadlineMs: number;
}

/** An answer that is sent in one piece. */
export interface PlainAnswer {
  readonly type: "plain";
  readonly status: number;
  /** Name, value, name, value, … beside those that every answer has. */
  readonly headers: readonly string[];
  readonly body: string | Uint8Array;
}

/** An answer of unknown length. */
export interface StreamAnswer {
  readonly type: "stream";
  readonly headers: readonly string[];
  /** Writes the body with back-pressure and ends it; resolves when done or the client is gone. */
  readonly write: (response: ServerResponse) => Promise<void>;
}

export type Answer = PlainAnswer | StreamAnswer;

/** What is to be done, not begun yet. */
export interface Plan {
  /** Everything that `run` will touch. Empty on public routes only. */
  readonly needs: readonly Need[];
  /** @throws ApiError or ReplicaError */
  readonly run: () => Promise<Answer>;
}

export type Method = "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";

/** A query parameter or header as the OpenAPI document shows it. */
export interface ParameterDoc {
  readonly name: string;
  readonly in: "query" | "header" | "path";
  readonly description: string;
  readonly type: "string" | "integer" | "boolean";
}

/** What the OpenAPI document says of a route. */
export interface RouteDoc {
  readonly summary: string;
  readonly parameters?: readonly ParameterDoc[];
  readonly requestBody?: JsonSchema<unknown> | "bytes";
  /** Status → what it carries. Errors are added from the table for all routes. */
  readonly answers: Readonly<Record<number, JsonSchema<unknown> | "bytes" | "text" | "none">>;
}

/** One route. */
export interface Route {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/cluster/members/{id}`. */
  readonly path: string;
  /** `public`: no token, and never under /v1. Else the verb that its plans need. */
  readonly access: Verb | "public";
  readonly body: "none" | "value" | "json";
  /** Changes data or membership: an unexpected failure leaves the outcome unknown. */
  readonly mutates: boolean;
  /** Names of query parameters it knows, beside `timeout`. */
  readonly query: readonly string[];
  readonly doc: RouteDoc;
  /**
   * Reads the whole request and changes nothing.
   * @throws ApiError for everything malformed, oversized or unsupported
   */
  readonly plan: (call: Call, context: ApiContext) => Plan;
}

const jsonHeaders: readonly string[] = ["content-type", "application/json"];

/** An answer with a JSON body. */
export const jsonAnswer = (
  body: unknown,
  status: number = 200,
  headers: readonly string[] = [],
): PlainAnswer => ({
  type: "plain",
  status,
  headers: headers.length === 0 ? jsonHeaders : [...jsonHeaders, ...headers],
  body: JSON.stringify(body),
});

const noNeeds: readonly Need[] = [];

/** The plan of a route whose verb is not bound to keys (`admin`), or of a public one. */
export const planOf = (access: Verb | "public", run: () => Promise<Answer>): Plan => ({
  needs: access === "public" ? noNeeds : [{ verb: access, ranges: [] }],
  run,
});
