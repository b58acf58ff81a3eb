/**
 * What the probes answer, for the client port and the metrics port alike. Liveness is local only
 * and must never depend on a quorum, or one partition would restart the whole cluster.
 */
import type { Health, HealthCheck, Readiness } from "@kvcluster/protocol";
import type { NodeService } from "../replica/index.ts";
import type { HealthPort } from "./metrics/index.ts";

export type HealthPath = "/livez" | "/readyz" | "/startupz";

/** What a probe looks at. */
export interface HealthSources {
  readonly node: NodeService;
  /** Seconds since the process started. */
  readonly uptimeSeconds: () => number;
}

/** Everything found out, and whether it is good. */
interface Finding {
  readonly ok: boolean;
  readonly body: Health | Readiness;
  readonly checks: readonly HealthCheck[];
}

const check = (name: string, ok: boolean, detail: string): HealthCheck => ({ name, ok, detail });

function findLiveness({ node, uptimeSeconds }: HealthSources): Finding {
  // This code runs, so the event loop turns: there is nothing else that a restart would heal.
  const checks = [check("eventLoop", true, `up ${Math.round(uptimeSeconds())} s`)];
  return { ok: true, body: { ok: true, node: node.name }, checks };
}

function findStartup({ node }: HealthSources): Finding {
  const phase = node.phase();
  const ok = phase !== "starting";
  const checks = [check("recovered", ok, `phase ${phase}`)];
  return { ok, body: { ok, node: node.name }, checks };
}

function findReadiness({ node }: HealthSources): Finding {
  const phase = node.phase();
  const status = node.replica()?.status() ?? null;
  const leader =
    status?.raft.configuration.members.find(({ id }) => id === status.raft.leader) ?? null;
  const notReady = status === null ? "this node has no replica yet" : status.notReadyReason;
  const ready = phase === "serving" && status?.ready === true;
  const hasIdentity = node.identity() !== null;
  const checks = [
    check("identity", hasIdentity, hasIdentity ? "known" : "none: waits for bootstrap or join"),
    check("phase", phase === "serving", phase),
    check("leader", leader !== null, leader === null ? "unknown" : leader.name),
    check("linearizableRead", status?.ready === true, notReady),
    check("integrity", phase !== "corrupt" && status?.corrupt !== true, ""),
  ];
  const body: Readiness = {
    ready,
    node: node.name,
    role: status?.raft.role ?? null,
    phase,
    leader: leader === null ? null : { name: leader.name, clientAddress: leader.clientAddress },
    reasons: [
      ...(phase === "serving" ? [] : [`this node is ${phase}`]),
      ...(status?.ready === true || notReady === "" ? [] : [notReady]),
    ],
  };
  return { ok: ready, body, checks };
}

const finders: Readonly<Record<HealthPath, (sources: HealthSources) => Finding>> = {
  "/livez": findLiveness,
  "/readyz": findReadiness,
  "/startupz": findStartup,
};

/** A probe's answer: 200 or 503, and JSON. */
export function checkHealth(
  path: HealthPath,
  verbose: boolean,
  sources: HealthSources,
): { readonly status: number; readonly body: string } {
  const { ok, body, checks } = finders[path](sources);
  return {
    status: ok ? 200 : 503,
    body: JSON.stringify(verbose ? { ...body, checks } : body),
  };
}

const isHealthPath = (path: string): path is HealthPath => Object.hasOwn(finders, path);

/** The same answers for the listener of the metrics port. */
export const createHealthPort = (sources: HealthSources): HealthPort => ({
  check: (path, verbose) =>
    isHealthPath(path)
      ? checkHealth(path, verbose, sources)
      : { status: 404, body: JSON.stringify({ ok: false, node: sources.node.name }) },
});
