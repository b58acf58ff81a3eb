/** Which headers pass the balancer, and what it adds (RFC 9110 §7.6.1). Pure. */
import type { IncomingHttpHeaders } from "node:http";

/** Headers that concern one connection only. `expect` was answered by the balancer's own server. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** Replaced by the balancer's own view of the client. */
const replaced: ReadonlySet<string> = new Set([
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** Further headers that a Connection header declares to be of this connection only. */
function namedByConnection(connection: string | undefined): ReadonlySet<string> | null {
  if (connection === undefined || /^(keep-alive|close)$/i.test(connection)) return null;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

export interface ClientRequest {
  /** Name, value, name, value… as they came. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
}

/** The headers for the node, in the flat form that undici takes. */
export function upstreamHeaders(request: ClientRequest): string[] {
  const { rawHeaders, headers, remoteAddress } = request;
  const named = namedByConnection(headers.connection);
  const passed: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || replaced.has(lower) || named?.has(lower) === true) continue;
    passed.push(name, rawHeaders[i + 1] ?? "");
  }
  const forwardedFor = headers["x-forwarded-for"];
  const chain = forwardedFor === undefined ? remoteAddress : `${forwardedFor}, ${remoteAddress}`;
  passed.push("x-forwarded-for", chain, "x-forwarded-proto", "http");
  if (headers.host !== undefined) passed.push("x-forwarded-host", headers.host);
  return passed;
}

/** The headers for the client, from a node's answer. */
export function clientHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = namedByConnection(headers.connection);
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || hopByHop.has(name) || named?.has(name) === true) continue;
    passed[name] = value;
  }
  return passed;
}
