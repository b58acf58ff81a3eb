/** What the balancer answers itself: problem documents, its own health, its status page. */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import {
  type ErrorCode,
  errorInfo,
  headers,
  type Problem,
  problemMediaType,
  problemType,
} from "@kvcluster/protocol";

/** Name in X-KV-Node of answers that no node gave. */
export const balancerName = "balancer";

export interface OwnProblem {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** A problem document of the balancer's own. A write of unknown outcome always says so. */
export function buildProblem({ code, detail }: OwnProblem, requestId: string): Problem {
  const { status, title, retryable } = errorInfo(code);
  return {
    type: problemType(code),
    title,
    status,
    detail,
    code,
    retryable,
    ...(code === "OUTCOME_UNKNOWN" ? { outcome: "unknown" as const } : {}),
    requestId,
  };
}

export function sendProblem(response: ServerResponse, own: OwnProblem): void {
  const requestId = randomUUID();
  const problem = buildProblem(own, requestId);
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, {
    "content-type": problemMediaType,
    "content-length": Buffer.byteLength(body),
    [headers.node]: balancerName,
    [headers.requestId]: requestId,
    ...(problem.status === 503 ? { "retry-after": "1" } : {}),
  });
  response.end(body);
}

export function sendJson(response: ServerResponse, status: number, document: unknown): void {
  const body = `${JSON.stringify(document, null, 2)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    [headers.node]: balancerName,
  });
  response.end(body);
}
