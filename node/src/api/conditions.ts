/** Conditional requests (RFC 9110 §13): from headers to the condition of a command or a read. */

import type { IncomingHttpHeaders } from "node:http";
import { parseEtag } from "@kvcluster/protocol";
import { type Condition, toRevision } from "../kv/index.ts";
import { ApiError } from "./api-error.ts";

const none: Condition = { type: "none" };
const absent: Condition = { type: "absent" };
const exists: Condition = { type: "exists" };

const refuse = (header: string, why: string): ApiError =>
  new ApiError("INVALID_HEADER", `${header}: ${why}`);

/** The one revision of an ETag of ours. @throws ApiError INVALID_HEADER for anything else */
function readEtag(header: string, value: string): Condition {
  const revision = parseEtag(value);
  if (revision === null || revision === 0) {
    throw refuse(header, 'must be * or one ETag of this API, a revision in quotes such as "42"');
  }
  return { type: "modRevision", revision: toRevision(revision) };
}

/** The guard of a write. @throws ApiError INVALID_HEADER */
export function writeCondition(headers: IncomingHttpHeaders): Condition {
  const ifMatch = headers["if-match"];
  const ifNoneMatch = headers["if-none-match"];
  if (ifMatch === undefined && ifNoneMatch === undefined) return none;
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw refuse("If-Match", "cannot be combined with If-None-Match");
  }
  if (ifMatch !== undefined) return ifMatch === "*" ? exists : readEtag("If-Match", ifMatch);
  if (ifNoneMatch === "*") return absent;
  throw refuse("If-None-Match", "only * is supported for a write");
}

/** The guard of a delete: there is no deleting of what must be absent. @throws ApiError */
export function deleteCondition(headers: IncomingHttpHeaders): Condition {
  if (headers["if-none-match"] !== undefined) {
    throw refuse("If-None-Match", "is not supported for a delete");
  }
  return writeCondition(headers);
}

/** What a read is conditional on. */
export interface ReadConditions {
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
}

/** null when the read is unconditional. */
export function readConditions(headers: IncomingHttpHeaders): ReadConditions | null {
  const ifMatch = headers["if-match"] ?? null;
  const ifNoneMatch = headers["if-none-match"] ?? null;
  return ifMatch === null && ifNoneMatch === null ? null : { ifMatch, ifNoneMatch };
}

/** Weak comparison (§8.8.3.2) with a list of ETags; `*` matches whatever exists. */
const lists = (header: string, etag: string): boolean =>
  header
    .split(",")
    .map((one) => one.trim())
    .some((one) => one === "*" || one === etag || one === `W/${etag}`);

/** §13.2.2, for a key that exists with `etag`. */
export function evaluateRead(
  conditions: ReadConditions,
  etag: string,
): "proceed" | "notModified" | "failed" {
  if (conditions.ifMatch !== null && !lists(conditions.ifMatch, etag)) return "failed";
  if (conditions.ifNoneMatch !== null && lists(conditions.ifNoneMatch, etag)) return "notModified";
  return "proceed";
}
