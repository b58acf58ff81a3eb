/**
 * Splits a request target. A key is bytes, not text, so the router must never see (and decode, and
 * normalise) it: everything after `/v1/kv/` is taken out of the way before routing.
 */

const keyPrefix = "/v1/kv/";
/** The path under which the single-key routes are registered, as /openapi.json names it. */
export const keyRoutePath = "/v1/kv/{key}";

/** A request target in parts, all as they came. */
export interface Target {
  /** What the router looks up: the path without the query, `/v1/kv/{key}` for any single key. */
  readonly route: string;
  /** Percent-encoded; null when the path is no single key. */
  readonly key: string | null;
  /** Percent-encoded, without the question mark. */
  readonly query: string;
}

/** RFC 9112 §3.2.2: a server must take the absolute form of a target too. */
const originForm = (url: string): string =>
  url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?]*/i, "");

/** The parts of a request target. */
export function splitTarget(url: string): Target {
  const target = originForm(url);
  const at = target.indexOf("?");
  const path = at === -1 ? target : target.slice(0, at);
  const query = at === -1 ? "" : target.slice(at + 1);
  if (path.startsWith(keyPrefix)) {
    return { route: keyRoutePath, key: path.slice(keyPrefix.length), query };
  }
  return { route: path === "" ? "/" : path, key: null, query };
}
