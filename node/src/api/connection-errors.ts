/**
 * Requests that never become one: bytes that are not HTTP, headers above the limit, clients that
 * are too slow. There is no response object yet, so the answer is written to the socket as it is.
 */
import { randomUUID } from "node:crypto";
import { ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ErrorCode } from "@kvcluster/protocol";
import { ApiError } from "./api-error.ts";
import type { RequestMetrics } from "./context.ts";
import { problemAnswer } from "./problem-answer.ts";

const codes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ["HEADERS_TOO_LARGE", "request line and headers are above the limit"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["BODY_TOO_LARGE", "chunk extensions are above the limit"],
  ERR_HTTP_REQUEST_TIMEOUT: ["REQUEST_TIMEOUT", "the request was not complete in time"],
};

/**
 * Whether an answer is under way, or awaited for a request that arrived whole: bytes between them
 * would be taken for that answer, and a refusal for a write that takes effect.
 */
function isAnswering(socket: Socket): boolean {
  const response: unknown = Reflect.get(socket, "_httpMessage");
  if (!(response instanceof ServerResponse)) return false;
  return response.headersSent || response.req.complete;
}

/** Answers a connection's error and ends the connection. */
export function answerConnectionError(error: Error, socket: Socket, metrics: RequestMetrics): void {
  const cause = String(Reflect.get(error, "code") ?? "");
  if (cause === "ECONNRESET" || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const [code, detail] = codes[cause] ?? ["BAD_REQUEST", "the request is not valid HTTP/1.1"];
  const answer = problemAnswer(new ApiError(code, detail), randomUUID());
  const { status, headers, body } = answer;
  metrics.finished({ method: "", route: "unknown", status, code, seconds: 0 });
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, "connection: close"];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  lines.push(`content-length: ${Buffer.byteLength(body)}`, "", "");
  socket.end(`${lines.join("\r\n")}${body}`);
}
