/**
 * From any error to a problem document. Errors that nobody expected become INTERNAL, without their
 * text: it belongs into the log, not to a caller.
 */
import {
  type ErrorCode,
  errorInfo,
  formatEtag,
  type Problem,
  problemMediaType,
  problemType,
} from "@kvcluster/protocol";
import { ReplicaError } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";
import { challengeFor } from "./auth/index.ts";
import type { PlainAnswer, Route } from "./route.ts";

/** Codes of fastify that a request can cause, as ours. Others are faults of this server. */
const frameworkCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: "BAD_REQUEST",
  FST_ERR_CTP_BODY_TOO_LARGE: "BODY_TOO_LARGE",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "BAD_REQUEST",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_CTP_INVALID_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_MAX_PARAM_LENGTH: "INVALID_PARAMETER",
  // The client went away while it sent its body.
  ECONNRESET: "BAD_REQUEST",
  ECONNABORTED: "BAD_REQUEST",
};

const fromReplica = (error: ReplicaError): ApiError =>
  new ApiError(error.code, error.message, {
    cause: error,
    ...(error.code === "OUTCOME_UNKNOWN" ? { outcome: "unknown" as const } : {}),
    ...(error.reason === null ? {} : { reason: error.reason }),
  });

const codeOf = (error: unknown): string =>
  error instanceof Error ? String(Reflect.get(error, "code") ?? "") : "";

/** The error as one of the table. @param route null when none was found. */
export function toApiError(error: unknown, route: Route | null): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ReplicaError) return fromReplica(error);
  const known = frameworkCodes[codeOf(error)];
  if (known === "BODY_TOO_LARGE" && route?.body === "value") {
    return new ApiError("VALUE_TOO_LARGE", "the value is above the limit", { cause: error });
  }
  if (known !== undefined) {
    const detail = error instanceof Error ? error.message : "";
    return new ApiError(known, detail, { cause: error });
  }
  const outcome = route?.mutates === true ? ({ outcome: "unknown" } as const) : {};
  return new ApiError("INTERNAL", "this server failed; its log has the cause", {
    cause: error,
    ...outcome,
  });
}

/** Seconds after which a 503 is worth another try: about an election. */
const retryAfterSeconds = "1";

function problemHeaders({ code, extras }: ApiError, status: number): string[] {
  const list = ["content-type", problemMediaType, "cache-control", "no-store"];
  if (status === 503) list.push("retry-after", retryAfterSeconds);
  const challenge = challengeFor(code);
  if (challenge !== null) list.push("www-authenticate", challenge);
  if (extras.allow !== undefined) list.push("allow", extras.allow);
  if (code === "CONDITION_FAILED" && extras.revision !== undefined && extras.revision > 0) {
    list.push("etag", formatEtag(extras.revision));
  }
  return list;
}

/** The answer to an error. */
export function problemAnswer(error: ApiError, requestId: string): PlainAnswer {
  const { code, extras } = error;
  const { status, title, retryable } = errorInfo(code);
  const problem: Problem = {
    type: problemType(code),
    title,
    status,
    detail: error.message,
    code,
    retryable,
    ...(extras.outcome === undefined ? {} : { outcome: extras.outcome }),
    ...(extras.reason === undefined ? {} : { reason: extras.reason }),
    ...(extras.revision === undefined ? {} : { revision: extras.revision }),
    requestId,
  };
  return {
    type: "plain",
    status,
    headers: problemHeaders(error, status),
    body: JSON.stringify(problem),
  };
}
