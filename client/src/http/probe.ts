/** Asks a node's /readyz whether it serves, and whom it takes for the leader. Never throws. */
import type { Dispatcher } from "undici";
import { decodeReadiness } from "./decode-answer.ts";
import { exchange } from "./exchange.ts";

export interface ProbedLeader {
  readonly name: string;
  /** Base URL, normalised like an endpoint. */
  readonly url: string;
}

export type ProbeOutcome =
  | {
      readonly type: "ready" | "unready";
      readonly node: string;
      readonly role: string | null;
      readonly leader: ProbedLeader | null;
      readonly reasons: readonly string[];
    }
  | { readonly type: "unreachable"; readonly reason: string };

/** A readiness answer with every sub-check is small. */
const PROBE_BYTES_MAX = 65_536;

export async function probeReadiness(
  dispatcher: Dispatcher,
  url: string,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const outcome = await exchange(dispatcher, {
    origin: url,
    method: "GET",
    path: "/readyz",
    headers: { accept: "application/json" },
    body: null,
    answerBytesMax: PROBE_BYTES_MAX,
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (outcome.type === "failed") return { type: "unreachable", reason: outcome.error.message };
  const { status, body } = outcome.answer;
  const readiness = decodeReadiness(body);
  if (readiness === null) {
    return { type: "unreachable", reason: `/readyz answered ${status}, not in KVCluster's form` };
  }
  return {
    type: readiness.ready && status === 200 ? "ready" : "unready",
    node: readiness.node,
    role: readiness.role,
    leader: toLeader(readiness.leader),
    reasons: readiness.reasons,
  };
}

function toLeader(
  leader: { readonly name: string; readonly clientAddress: string } | null,
): ProbedLeader | null {
  const url = leader === null ? null : normalizeEndpoint(leader.clientAddress);
  return leader === null || url === null ? null : { name: leader.name, url };
}

/**
 * The origin of an endpoint, `http://host:port`, without a trailing slash; null when it is not an
 * http or https URL or has a path, a query or credentials.
 */
export function normalizeEndpoint(text: string): string | null {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  const isBare = url.pathname === "/" && url.search === "" && url.hash === "";
  return isBare && url.username === "" && url.password === "" ? url.origin : null;
}
