/** The deadline of a request: what it asks for, within what the node allows. */

import type { IncomingHttpHeaders } from "node:http";
import { headers } from "@kvcluster/protocol";
import type { TimeoutsConfig } from "../config/index.ts";
import { ApiError } from "./api-error.ts";
import type { Query } from "./query.ts";

/** Milliseconds from now. @throws ApiError INVALID_PARAMETER, INVALID_HEADER */
export function readDeadline(
  query: Query,
  requestHeaders: IncomingHttpHeaders,
  timeouts: TimeoutsConfig,
): number {
  const { requestDefaultMs, requestMaxMs } = timeouts;
  const fromQuery = query.integer("timeout", 1, requestMaxMs);
  const header = requestHeaders[headers.timeoutMs];
  if (header === undefined) return fromQuery ?? requestDefaultMs;
  if (fromQuery !== null) {
    throw new ApiError("INVALID_PARAMETER", "timeout cannot be combined with X-KV-Timeout-Ms");
  }
  const milliseconds = /^\d{1,9}$/.test(String(header)) ? Number(header) : 0;
  if (milliseconds >= 1 && milliseconds <= requestMaxMs) return milliseconds;
  throw new ApiError(
    "INVALID_HEADER",
    `X-KV-Timeout-Ms must be a whole number from 1 to ${requestMaxMs}`,
  );
}
