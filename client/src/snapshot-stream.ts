/** A snapshot as a stream. It is not repeated by itself: half a snapshot is none. */
import type { Readable } from "node:stream";
import { headers } from "@kvcluster/protocol";
import type { Agent } from "undici";
import { KVClientError } from "./errors.ts";
import { decodeProblem } from "./http/decode-answer.ts";
import type { CallOptions, ClientLimits } from "./options.ts";
import type { Picked } from "./picking/picker.ts";

export interface SnapshotStream {
  /** Self-checking chunks; an early end of the connection is an error of the stream. */
  readonly body: Readable;
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly clusterId: string;
  readonly node: string;
}

interface SnapshotRequest extends CallOptions {
  readonly picked: Picked;
  readonly token: string | null;
  readonly limits: ClientLimits;
}

const PROBLEM_BYTES_MAX = 65_536;

/** `timeoutMs` and the signal bound the time until the stream begins, and the signal all of it. */
export async function openSnapshot(
  agent: Agent,
  request: SnapshotRequest,
): Promise<SnapshotStream> {
  const { picked, token, limits, signal } = request;
  const startedMs = performance.now();
  const answer = await agent
    .request({
      origin: picked.url,
      path: "/v1/maintenance/snapshot",
      method: "GET",
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      headersTimeout: request.timeoutMs ?? limits.timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    })
    .catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      picked.settle({ type: "failed", reason: why });
      const message = `GET /v1/maintenance/snapshot at ${picked.url}: ${why}`;
      throw new KVClientError("UNREACHABLE", { message, endpoint: picked.url, cause });
    });
  picked.settle({ type: "answered", latencyMs: performance.now() - startedMs });
  const text = (name: string): string => String(answer.headers[name] ?? "");
  if (answer.statusCode === 200) {
    return {
      body: answer.body,
      index: Number(text(headers.snapshotIndex)),
      term: Number(text(headers.snapshotTerm)),
      revision: Number(text(headers.revision)),
      clusterId: text(headers.clusterId),
      node: text(headers.node),
    };
  }
  throw await refusal(picked.url, answer);
}

async function refusal(
  endpoint: string,
  answer: Awaited<ReturnType<Agent["request"]>>,
): Promise<KVClientError> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.byteLength;
    if (bytes > PROBLEM_BYTES_MAX) break;
    chunks.push(chunk);
  }
  const problem = decodeProblem({ headers: answer.headers, body: Buffer.concat(chunks) });
  const status = answer.statusCode;
  const what = problem === null ? `status ${status}` : `${problem.code}: ${problem.detail}`;
  return new KVClientError(problem?.code ?? "BAD_ANSWER", {
    message: `GET /v1/maintenance/snapshot at ${endpoint}: ${what}`,
    status,
    problem,
    endpoint,
    retryable: problem?.retryable ?? false,
  });
}
