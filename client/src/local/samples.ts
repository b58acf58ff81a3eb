/**
 * The sample operations of `make run`: real requests through the balancer, shown with their
 * answers. They use keys under `sample/` only and can be repeated on a store that has data.
 */
import { headers } from "@kvcluster/protocol";
import { request as httpRequest } from "undici";

export interface SampleParts {
  readonly address: string;
  readonly token: string;
  readonly say: (line: string) => void;
}

interface SampleRequest {
  readonly title: string;
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What is to be seen; anything else is pointed out. */
  readonly expect: readonly number[];
}

interface SampleAnswer {
  readonly status: number;
  readonly etag: string;
  readonly body: string;
}

const REQUEST_TIMEOUT_MS = 15_000;
const BODY_SHOWN_CHARACTERS = 160;
const jsonType = { "content-type": "application/json" };
const base64 = (text: string): string => Buffer.from(text).toString("base64");

class SampleRun {
  readonly #parts: SampleParts;
  unexpected = 0;

  constructor(parts: SampleParts) {
    this.#parts = parts;
  }

  async send(request: SampleRequest): Promise<SampleAnswer> {
    const { address, token, say } = this.#parts;
    // Not fetch: 6000 is among the ports it refuses, as browsers do (X11).
    const answer = await httpRequest(`${address}${request.path}`, {
      method: request.method,
      headers: { ...request.headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    const body = await answer.body.text();
    const status = answer.statusCode;
    const etag = String(answer.headers["etag"] ?? "");
    const node = String(answer.headers[headers.node] ?? "?");
    const isExpected = request.expect.includes(status);
    if (!isExpected) this.unexpected += 1;
    const condition = Object.entries(request.headers ?? {})
      .filter(([name]) => name.startsWith("if-"))
      .map(([name, value]) => `  ${name}: ${value}`);
    say(`  ${request.title}`);
    say(`    ${request.method} ${request.path}${condition.join("")}${shown("  ", request.body)}`);
    const mark = isExpected ? "" : `  (expected ${request.expect.join(" or ")})`;
    const tag = etag === "" ? "" : `  ETag ${etag}`;
    say(`    → ${status}${tag}  ${node}${shown("  ", summary(status, body))}${mark}`);
    return { status, etag, body };
  }
}

function shown(before: string, text: string | undefined): string {
  if (text === undefined || text === "") return "";
  const flat = text.replaceAll("\n", " ");
  const cut =
    flat.length > BODY_SHOWN_CHARACTERS ? `${flat.slice(0, BODY_SHOWN_CHARACTERS)}…` : flat;
  return `${before}${cut}`;
}

/** Of a problem document the code and what it says. */
function summary(status: number, body: string): string {
  if (status < 400) return body;
  try {
    const { code, detail } = Object(JSON.parse(body));
    return typeof code === "string" ? `${code}: ${String(detail)}` : body;
  } catch {
    // Not a problem document: shown as it came.
    return body;
  }
}

/** @returns how many answers were not as expected */
export async function runSamples(parts: SampleParts): Promise<number> {
  const run = new SampleRun(parts);
  await runSingleKeys(run);
  await runManyKeys(run);
  return run.unexpected;
}

async function runSingleKeys(run: SampleRun): Promise<void> {
  const path = "/v1/kv/sample/greeting";
  await run.send({ title: "put", method: "PUT", path, body: "hello", expect: [200, 201] });
  const read = await run.send({ title: "get", method: "GET", path, expect: [200] });
  await run.send({
    title: "compare-and-set: the revision is as we read it",
    method: "PUT",
    path,
    headers: { "if-match": read.etag },
    body: "hello again",
    expect: [200],
  });
  await run.send({
    title: "compare-and-set with the old revision is refused and changes nothing",
    method: "PUT",
    path,
    headers: { "if-match": read.etag },
    body: "lost update",
    expect: [412],
  });
}

async function runManyKeys(run: SampleRun): Promise<void> {
  const operations = ["apple", "banana", "cherry"].map((name, i) => ({
    type: "put",
    key: `sample/fruit/${name}`,
    value: base64(String(i + 1)),
  }));
  await run.send({
    title: "batch: all or nothing, one revision",
    method: "POST",
    path: "/v1/batch",
    headers: jsonType,
    body: JSON.stringify({ operations }),
    expect: [200],
  });
  const list = "/v1/kv?prefix=sample/fruit/&limit=2&keysOnly=true";
  const page = await run.send({
    title: "list, first page",
    method: "GET",
    path: list,
    expect: [200],
  });
  const next = continuationOf(page.body);
  if (next !== null) {
    const path = `${list}&continue=${encodeURIComponent(next)}`;
    await run.send({
      title: "list, next page at the same revision",
      method: "GET",
      path,
      expect: [200],
    });
  }
  await run.send({
    title: "delete a prefix",
    method: "DELETE",
    path: "/v1/kv?prefix=sample/fruit/",
    expect: [200],
  });
  await run.send({
    title: "delete",
    method: "DELETE",
    path: "/v1/kv/sample/greeting",
    expect: [200],
  });
  await run.send({
    title: "get what is deleted",
    method: "GET",
    path: "/v1/kv/sample/greeting",
    expect: [404],
  });
}

function continuationOf(body: string): string | null {
  try {
    const { continue: next } = Object(JSON.parse(body));
    return typeof next === "string" ? next : null;
  } catch {
    // The answer was no page, which was pointed out when it was shown.
    return null;
  }
}
