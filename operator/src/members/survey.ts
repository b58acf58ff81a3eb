/** What one node says of itself, within a time limit. Never throws: a silent node is an answer. */
import { KVClientError, type KVStoreClient } from "@kvcluster/client";
import type { ClusterStatus, Readiness } from "@kvcluster/protocol";
import type { NodeView } from "../model/index.ts";

/** For each of the two rounds: readiness, then, of a node with an identity, status and version. */
const ROUND_TIMEOUT_MS = 1_500;

export async function surveyNode(pod: string, client: KVStoreClient): Promise<NodeView> {
  let readiness: Readiness;
  try {
    readiness = await client.readiness({ timeoutMs: ROUND_TIMEOUT_MS });
  } catch (error) {
    return { pod, type: "unreachable", why: describe(error) };
  }
  if (readiness.node !== pod) {
    // Addresses are given out again: what another pod answers says nothing of this one.
    return { pod, type: "unreachable", why: `node "${readiness.node}" answers at its address` };
  }
  const [status, version] = await Promise.all([askStatus(readiness, client), askVersion(client)]);
  const reasons = typeof status === "string" ? [...readiness.reasons, status] : readiness.reasons;
  return {
    pod,
    type: "answered",
    phase: readiness.phase,
    isReady: readiness.ready,
    reasons,
    status: typeof status === "string" ? null : status,
    version,
  };
}

/** The status, null for a node that can have none, or why it could not be had. */
async function askStatus(
  { phase }: Readiness,
  client: KVStoreClient,
): Promise<ClusterStatus | string | null> {
  if (phase === "blank" || phase === "starting") return null;
  try {
    return await client.cluster({ timeoutMs: ROUND_TIMEOUT_MS });
  } catch (error) {
    return `GET /v1/cluster: ${describe(error)}`;
  }
}

/** For people only: without it, the status has no version. */
async function askVersion(client: KVStoreClient): Promise<string | null> {
  try {
    return (await client.status({ timeoutMs: ROUND_TIMEOUT_MS })).version;
  } catch (error) {
    if (error instanceof KVClientError) return null;
    throw error;
  }
}

/** Short and the same each time, for it ends up in a condition's message. */
function describe(error: unknown): string {
  if (error instanceof KVClientError) return error.code;
  return error instanceof Error ? error.message : String(error);
}
