/** The WWW-Authenticate header of a refusal (RFC 6750 §3). Says no more than the error code. */
import type { ErrorCode } from "@kvcluster/protocol";

const realm = 'Bearer realm="kvcluster"';

/** The header's value for an error code; null when the code needs none. */
export function challengeFor(code: ErrorCode): string | null {
  switch (code) {
    case "UNAUTHENTICATED":
      // RFC 6750 §3.1: a request without credentials gets no error attribute.
      return realm;
    case "TOKEN_INVALID":
    case "TOKEN_EXPIRED":
    case "TOKEN_NOT_YET_VALID":
      return `${realm}, error="invalid_token"`;
    case "FORBIDDEN":
      return `${realm}, error="insufficient_scope"`;
    default:
      return null;
  }
}
