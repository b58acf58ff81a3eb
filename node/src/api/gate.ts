/**
 * What happens before a body is read: requests that must not be served are refused here, while they
 * have cost nothing. Headers only; knows no route's meaning.
 */
import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "./api-error.ts";

/** Headers that change what a write means and are not implemented: ignoring them would mislead. */
const unsupported = ["idempotency-key", "content-range"] as const;

/** @throws ApiError UNSUPPORTED_ENCODING, INVALID_HEADER */
export function checkHeaders(headers: IncomingHttpHeaders): void {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    const shown = encoding.slice(0, 32);
    throw new ApiError("UNSUPPORTED_ENCODING", `Content-Encoding ${shown} is not accepted`);
  }
  const transfer = headers["transfer-encoding"];
  if (transfer !== undefined && transfer.toLowerCase() !== "chunked") {
    const shown = transfer.slice(0, 32);
    throw new ApiError("UNSUPPORTED_ENCODING", `Transfer-Encoding ${shown} is not accepted`);
  }
  for (const name of unsupported) {
    if (headers[name] !== undefined) {
      throw new ApiError("INVALID_HEADER", `${name} is not supported`);
    }
  }
}
