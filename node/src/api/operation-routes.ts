/** What operators ask of one node: its status, its state hash, a backup. */
import { headers, nodeStatusSchema, stateHashSchema } from "@kvcluster/protocol";
import { ApiError } from "./api-error.ts";
import { backupHeader, writeBackup } from "./backup-stream.ts";
import { type ApiContext, servingReplica } from "./context.ts";
import { timeoutParameters } from "./parameter-docs.ts";
import { type Answer, type Call, jsonAnswer, type Plan, planOf, type Route } from "./route.ts";

function planStatus(_call: Call, context: ApiContext): Plan {
  return planOf("admin", async () => {
    const { node } = context;
    const replica = node.replica();
    const state = replica?.status().state;
    const stats = replica?.storeStats();
    return jsonAnswer({
      name: node.name,
      version: context.version,
      phase: node.phase(),
      uptimeSeconds: Math.round(context.uptimeSeconds()),
      clusterId: node.identity()?.clusterId ?? null,
      logBytes: stats?.logBytes ?? 0,
      stateBytes: stats?.stateBytes ?? 0,
      keys: state?.keys ?? 0,
      revision: state?.revision ?? 0,
      compactRevision: state?.compactRevision ?? 0,
      config: context.effectiveConfig,
    });
  });
}

function planHash(_call: Call, { node }: ApiContext): Plan {
  return planOf("admin", async () => {
    const { state } = servingReplica(node).status();
    const { appliedIndex, appliedTerm, revision, compactRevision, keys, hash } = state;
    return jsonAnswer({
      appliedIndex,
      appliedTerm,
      revision,
      compactRevision,
      keys,
      hash: (hash >>> 0).toString(16).padStart(8, "0"),
    });
  });
}

/** Streams under way, for each server by itself. */
const streamCounts = new WeakMap<ApiContext, number>();

/** @throws ApiError OVERLOADED at the limit */
function takeStream(context: ApiContext): () => void {
  const { snapshotStreamsMax } = context.limits;
  const count = streamCounts.get(context) ?? 0;
  if (count >= snapshotStreamsMax) {
    throw new ApiError("OVERLOADED", `${count} backups are streamed already`);
  }
  streamCounts.set(context, count + 1);
  return () => streamCounts.set(context, (streamCounts.get(context) ?? 1) - 1);
}

async function openBackup(context: ApiContext, release: () => void): Promise<Answer> {
  const { node } = context;
  const identity = node.identity();
  if (identity === null) throw new ApiError("NOT_BOOTSTRAPPED", "this node has no identity yet");
  const source = await node.openSnapshot();
  const { index, term } = source.metadata;
  return {
    type: "stream",
    headers: [
      "content-type",
      "application/octet-stream",
      "content-disposition",
      `attachment; filename="${identity.name}-${source.revision}.kvsnap"`,
      headers.revision,
      String(source.revision),
      headers.snapshotIndex,
      String(index),
      headers.snapshotTerm,
      String(term),
      headers.clusterId,
      identity.clusterId,
    ],
    write: async (response) => {
      try {
        await writeBackup(backupHeader(identity, source), source, response);
      } finally {
        release();
      }
    },
  };
}

function planSnapshot(_call: Call, context: ApiContext): Plan {
  return planOf("admin", async () => {
    servingReplica(context.node);
    const release = takeStream(context);
    try {
      return await openBackup(context, release);
    } catch (error) {
      release();
      throw error;
    }
  });
}

/** `/v1/status` and `/v1/maintenance`. */
export const operationRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/status",
    access: "admin",
    body: "none",
    mutates: false,
    query: [],
    doc: {
      summary: "This node, with its effective configuration",
      parameters: timeoutParameters,
      answers: { 200: nodeStatusSchema },
    },
    plan: planStatus,
  },
  {
    method: "GET",
    path: "/v1/maintenance/hash",
    access: "admin",
    body: "none",
    mutates: false,
    query: [],
    doc: {
      summary: "Hash of the state; equal at equal indexes on all nodes",
      parameters: timeoutParameters,
      answers: { 200: stateHashSchema },
    },
    plan: planHash,
  },
  {
    method: "GET",
    path: "/v1/maintenance/snapshot",
    access: "admin",
    body: "none",
    mutates: false,
    query: [],
    doc: {
      summary: "A backup: the whole state as this node has applied it, values still encrypted",
      parameters: timeoutParameters,
      answers: { 200: "bytes" },
    },
    plan: planSnapshot,
  },
];
