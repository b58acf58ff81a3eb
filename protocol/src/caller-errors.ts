/** Rows of the error table that the caller causes: malformed, oversized or not allowed. */
import type { ErrorInfo } from "./error-info.ts";

export type RequestErrorCode =
  | "BAD_REQUEST"
  | "INVALID_KEY"
  | "INVALID_PARAMETER"
  | "INVALID_HEADER"
  | "INVALID_JSON"
  | "INVALID_BODY"
  | "INVALID_CONTINUE"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "BODY_TOO_LARGE"
  | "KEY_TOO_LARGE"
  | "VALUE_TOO_LARGE"
  | "BATCH_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "UNSUPPORTED_ENCODING"
  | "EXPECTATION_FAILED"
  | "HEADERS_TOO_LARGE";

export const requestErrors: Readonly<Record<RequestErrorCode, ErrorInfo>> = {
  BAD_REQUEST: {
    status: 400,
    title: "Malformed HTTP request",
    retryable: false,
    meaning: "The bytes received are not an HTTP/1.1 request that this server understands.",
    action: "Correct the HTTP client.",
  },
  INVALID_KEY: {
    status: 400,
    title: "Invalid key",
    retryable: false,
    meaning: "A key is empty, is not valid percent-encoding or base64, or a range is empty.",
    action: "Send 1 byte or more; write '%' as %25 and bytes that are not URL characters as %XX.",
  },
  INVALID_PARAMETER: {
    status: 400,
    title: "Invalid query parameter",
    retryable: false,
    meaning: "A query or path parameter is unknown, repeated, out of range or contradicts another.",
    action: "Correct the parameter that `detail` names.",
  },
  INVALID_HEADER: {
    status: 400,
    title: "Invalid header",
    retryable: false,
    meaning: "A request header that this API reads has a value it does not accept.",
    action: "Correct the header that `detail` names.",
  },
  INVALID_JSON: {
    status: 400,
    title: "Body is not JSON",
    retryable: false,
    meaning: "The body of a JSON request is empty, is not UTF-8 or does not parse.",
    action: "Send one JSON object.",
  },
  INVALID_BODY: {
    status: 400,
    title: "Body does not match its schema",
    retryable: false,
    meaning: "The body is JSON but lacks a field, has an unknown one or one of the wrong type.",
    action: "Correct the field that `detail` names; /openapi.json has the schema.",
  },
  INVALID_CONTINUE: {
    status: 400,
    title: "Invalid continue token",
    retryable: false,
    meaning: "The token was changed, is damaged or belongs to a list of another range.",
    action:
      "Send `continue` exactly as the page before gave it, with the same range, or start over.",
  },
  NOT_FOUND: {
    status: 404,
    title: "No such route",
    retryable: false,
    meaning: "No route has this path.",
    action: "See /openapi.json for the routes.",
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: "Method not allowed",
    retryable: false,
    meaning: "The path exists, but not with this method; the Allow header lists those that do.",
    action: "Use a method of the Allow header.",
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: "Request arrived too slowly",
    retryable: true,
    meaning: "Headers or body were not complete within the server's request timeout.",
    action: "Send the request again over a faster connection.",
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: "Body too large",
    retryable: false,
    meaning: "The body is longer than the limit for this route.",
    action: "Send less in one request, or raise the limit in the node's configuration.",
  },
  KEY_TOO_LARGE: {
    status: 413,
    title: "Key too large",
    retryable: false,
    meaning: "A key is longer than `limits.keyBytesMax`.",
    action: "Use a shorter key.",
  },
  VALUE_TOO_LARGE: {
    status: 413,
    title: "Value too large",
    retryable: false,
    meaning: "A value is longer than `limits.valueBytesMax`.",
    action: "Split the value over several keys.",
  },
  BATCH_TOO_LARGE: {
    status: 413,
    title: "Batch too large",
    retryable: false,
    meaning: "A batch has more operations than `limits.batchOperationsMax`.",
    action: "Send smaller batches; each is atomic on its own.",
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: "Unsupported media type",
    retryable: false,
    meaning: "A JSON request has another content type than application/json.",
    action: "Send `Content-Type: application/json`.",
  },
  UNSUPPORTED_ENCODING: {
    status: 415,
    title: "Unsupported content encoding",
    retryable: false,
    meaning: "The body is compressed. Values are stored as they come, so this is refused.",
    action: "Send the body without Content-Encoding.",
  },
  EXPECTATION_FAILED: {
    status: 417,
    title: "Expectation failed",
    retryable: false,
    meaning: "The Expect header asks for something else than 100-continue.",
    action: "Leave the Expect header out.",
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: "Headers too large",
    retryable: false,
    meaning: "Request line and headers together are longer than `limits.headerBytesMax`.",
    action: "Send a shorter path, query or token.",
  },
};

export type AccessErrorCode =
  | "UNAUTHENTICATED"
  | "TOKEN_INVALID"
  | "TOKEN_EXPIRED"
  | "TOKEN_NOT_YET_VALID"
  | "FORBIDDEN";

export const accessErrors: Readonly<Record<AccessErrorCode, ErrorInfo>> = {
  UNAUTHENTICATED: {
    status: 401,
    title: "No token",
    retryable: false,
    meaning: "The request has no `Authorization: Bearer` header.",
    action: "Send a token.",
  },
  TOKEN_INVALID: {
    status: 401,
    title: "Token refused",
    retryable: false,
    meaning:
      "The token is malformed, its signature, algorithm, issuer or audience is not accepted.",
    action: "Get a token from an issuer that this cluster trusts.",
  },
  TOKEN_EXPIRED: {
    status: 401,
    title: "Token expired",
    retryable: false,
    meaning: "The token's `exp` lies in the past, beyond the allowed clock skew.",
    action: "Get a new token.",
  },
  TOKEN_NOT_YET_VALID: {
    status: 401,
    title: "Token not yet valid",
    retryable: false,
    meaning: "The token's `nbf` or `iat` lies in the future, beyond the allowed clock skew.",
    action: "Check the clocks of the issuer and the nodes.",
  },
  FORBIDDEN: {
    status: 403,
    title: "Forbidden",
    retryable: false,
    meaning: "The token is good, but does not grant this verb on every key that is asked for.",
    action: "Ask for a grant of the verb and prefix that `detail` names.",
  },
};
