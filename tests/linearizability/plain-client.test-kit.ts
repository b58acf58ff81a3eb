/**
 * A client that sends each request once and says honestly what came of it. It shares no code with
 * the product's client, whose own judgement is on trial too: a write that was sent counts as
 * unknown unless the answer says in so many words that it had no effect.
 */
import { Agent, type IncomingHttpHeaders, request as send } from "node:http";
import { encodeKeyPath, encodeKeyQuery, formatEtag } from "@kvcluster/protocol";
import type {
  Answer,
  Condition,
  NamedRecord,
  Outcome,
  ReadRequest,
  Request,
  WriteRequest,
} from "./operation.test-kit.ts";
import { isWrite } from "./operation.test-kit.ts";
import { packValue, unpackValue } from "./padded-value.test-kit.ts";

export interface PerformOptions {
  readonly timeoutMs: number;
  /** A read of the past from what the node has, without asking the leader. */
  readonly isStale?: boolean;
}

export interface Performer {
  perform(request: Request, options: PerformOptions): Promise<Outcome>;
}

interface HttpCall {
  readonly method: "GET" | "PUT" | "DELETE" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

type Exchanged =
  | { readonly type: "answer"; readonly answer: HttpAnswer }
  | { readonly type: "broken"; readonly wasSent: boolean };

/** What a problem document says, as far as it matters here. */
interface Told {
  readonly code: string;
  readonly outcome?: string;
  readonly revision?: number;
}

/** Pages so small that a list of everything takes several. */
const PAGE_ITEMS = 50;
const encoder = new TextEncoder();
const STALE = "&consistency=stale";
/** Nobody was reached: no listener, or no address for the name. */
const NEVER_SENT: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);
const FAILED: Outcome = { type: "failed" };
const UNKNOWN: Outcome = { type: "unknown" };

export class PlainClient implements Performer {
  readonly #base: string;
  readonly #token: () => string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /**
   * @param base a node's or a balancer's URL
   * @param token asked for each request: one from a file is renewed
   */
  constructor(base: string, token: () => string) {
    this.#base = base;
    this.#token = token;
  }

  async perform(request: Request, options: PerformOptions): Promise<Outcome> {
    if (isWrite(request)) return await this.#write(request, options.timeoutMs);
    return request.type === "get"
      ? await this.#get(request, options)
      : await this.#list(request, options);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #write(request: WriteRequest, timeoutMs: number): Promise<Outcome> {
    const exchanged = await this.#exchange(callOf(request), timeoutMs);
    if (exchanged.type === "broken") return exchanged.wasSent ? UNKNOWN : FAILED;
    const { answer } = exchanged;
    if (answer.status < 300) return { type: "ok", answer: writtenAnswer(request, answer) };
    const told = problemOf(answer);
    if (told === null || told.outcome === "unknown" || told.code === "INTERNAL") return UNKNOWN;
    if (told.code === "CONDITION_FAILED" && told.revision !== undefined) {
      return { type: "ok", answer: { type: "conditionFailed", modRevision: told.revision } };
    }
    if (told.code === "KEY_NOT_FOUND") {
      return { type: "ok", answer: { type: "nothing", revision: null } };
    }
    return FAILED;
  }

  async #get(
    request: Extract<ReadRequest, { readonly type: "get" }>,
    { timeoutMs, isStale }: PerformOptions,
  ): Promise<Outcome> {
    const { key, at } = request;
    const query = at === null ? "" : `?revision=${at}${isStale === true ? STALE : ""}`;
    const path = `/v1/kv/${encodeKeyPath(encoder.encode(key))}${query}`;
    const exchanged = await this.#exchange({ method: "GET", path }, timeoutMs);
    if (exchanged.type === "broken") return FAILED;
    const { answer } = exchanged;
    if (answer.status === 200) return { type: "ok", answer: recordAnswer(answer) };
    const told = problemOf(answer);
    if (told?.code !== "KEY_NOT_FOUND") return FAILED;
    return { type: "ok", answer: { type: "record", revision: null, record: null } };
  }

  async #list(
    request: Extract<ReadRequest, { readonly type: "list" }>,
    { timeoutMs, isStale }: PerformOptions,
  ): Promise<Outcome> {
    const { prefix, at } = request;
    const how = `&limit=${PAGE_ITEMS}${isStale === true ? STALE : ""}`;
    const range = `prefix=${encodeKeyQuery(encoder.encode(prefix))}${how}`;
    const records: NamedRecord[] = [];
    let place = at === null ? "" : `&revision=${at}`;
    let revision: number | null = null;
    for (;;) {
      const call = { method: "GET", path: `/v1/kv?${range}${place}` } as const;
      const exchanged = await this.#exchange(call, timeoutMs);
      if (exchanged.type === "broken" || exchanged.answer.status !== 200) return FAILED;
      const page = JSON.parse(exchanged.answer.text) as Page;
      // A page of another revision than the first is not of one list.
      if (revision !== null && page.revision !== revision) {
        throw new Error(`a page of ${prefix} is of ${page.revision}, the first was of ${revision}`);
      }
      revision = page.revision;
      for (const { value, ...item } of page.items) {
        records.push({ ...item, value: unpackValue(Buffer.from(value, "base64").toString()) });
      }
      if (page.continue === undefined) break;
      place = `&continue=${encodeURIComponent(page.continue)}`;
    }
    return { type: "ok", answer: { type: "page", revision, records } };
  }

  #exchange(call: HttpCall, timeoutMs: number): Promise<Exchanged> {
    return new Promise((resolve) => {
      const outgoing = send(`${this.#base}${call.path}`, {
        agent: this.#agent,
        method: call.method,
        headers: {
          authorization: `Bearer ${this.#token()}`,
          "x-kv-timeout-ms": String(Math.max(1, Math.floor(timeoutMs * 0.9))),
          ...call.headers,
        },
        signal: AbortSignal.timeout(timeoutMs),
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        resolve({ type: "broken", wasSent: !NEVER_SENT.has(error.code ?? "") });
      });
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", () => resolve({ type: "broken", wasSent: true }));
        incoming.on("end", () => {
          const { statusCode: status = 0, headers } = incoming;
          const text = Buffer.concat(chunks).toString();
          resolve({ type: "answer", answer: { status, headers, text } });
        });
      });
      outgoing.end(call.body);
    });
  }
}

interface Page {
  readonly revision: number;
  readonly items: readonly (NamedRecord & { readonly value: string })[];
  readonly continue?: string;
}

function callOf(request: WriteRequest): HttpCall {
  const json = { "content-type": "application/json" };
  switch (request.type) {
    case "put": {
      const path = `/v1/kv/${encodeKeyPath(encoder.encode(request.key))}`;
      const headers = conditionHeaders(request.condition);
      return { method: "PUT", path, headers, body: packValue(request.value) };
    }
    case "delete": {
      const path = `/v1/kv/${encodeKeyPath(encoder.encode(request.key))}`;
      return { method: "DELETE", path, headers: conditionHeaders(request.condition) };
    }
    case "deletePrefix": {
      const prefix = encodeKeyQuery(encoder.encode(request.prefix));
      return { method: "DELETE", path: `/v1/kv?prefix=${prefix}` };
    }
    case "batch": {
      const operations = request.items.map(({ key, value }) =>
        value === null
          ? { type: "delete", key }
          : { type: "put", key, value: Buffer.from(packValue(value)).toString("base64") },
      );
      const body = JSON.stringify({ operations });
      return { method: "POST", path: "/v1/batch", headers: json, body };
    }
  }
}

function conditionHeaders(condition: Condition): Readonly<Record<string, string>> {
  switch (condition.type) {
    case "none":
      return {};
    case "absent":
      return { "if-none-match": "*" };
    case "exists":
      return { "if-match": "*" };
    case "modRevision":
      return { "if-match": formatEtag(condition.revision) };
  }
}

function writtenAnswer(request: WriteRequest, answer: HttpAnswer): Answer {
  const told = JSON.parse(answer.text) as {
    readonly revision: number;
    readonly created?: boolean;
    readonly puts?: number;
    readonly deletes?: number;
    readonly deleted?: number;
  };
  const { revision, created, puts } = told;
  const deletes = told.deletes ?? told.deleted;
  const changes = request.type === "put" ? 1 : (puts ?? 0) + (deletes ?? 0);
  if (changes === 0) return { type: "nothing", revision };
  return {
    type: "written",
    revision,
    ...(created === undefined ? {} : { created }),
    ...(puts === undefined ? {} : { puts }),
    ...(deletes === undefined ? {} : { deletes }),
  };
}

function recordAnswer({ headers, text }: HttpAnswer): Answer {
  const number = (name: string): number => Number(headers[name]);
  const modRevision = Number(/\d+/.exec(headers.etag ?? "")?.[0]);
  const createRevision = number("x-kv-create-revision");
  const record = {
    value: unpackValue(text),
    modRevision,
    createRevision,
    version: number("x-kv-version"),
  };
  return { type: "record", revision: number("x-kv-revision"), record };
}

function problemOf({ headers, text }: HttpAnswer): Told | null {
  if (headers["content-type"]?.startsWith("application/problem+json") !== true) return null;
  return JSON.parse(text) as Told;
}
