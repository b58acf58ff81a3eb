/**
 * Figures of a node as its parts would give them, and a parser of the Prometheus text format that
 * is strict enough to find what a scraper would refuse.
 */

import type { EncryptionStats } from "../../crypto/index.ts";
import { toRevision } from "../../kv/index.ts";
import { type Member, toClusterId, toLogIndex, toNodeId, toTerm } from "../../raft/index.ts";
import type { NodeService, ReplicaService, ReplicaStatus } from "../../replica/index.ts";
import type { TransportStats } from "../../transport/index.ts";
import { type AuthFailureReason, type AuthStats, authFailureReasons } from "../auth/index.ts";
import type { MetricsSources } from "./metrics.ts";

const member = (id: number, role: "voter" | "learner" = "voter"): Member => ({
  id: toNodeId(id),
  name: `node-${id}`,
  peerAddress: `127.0.0.1:${5100 + id}`,
  clientAddress: `http://127.0.0.1:${5000 + id}`,
  role,
});

export const leaderStatus: ReplicaStatus = {
  raft: {
    id: toNodeId(1),
    role: "leader",
    term: toTerm(7),
    votedFor: toNodeId(1),
    leader: toNodeId(1),
    commitIndex: toLogIndex(90),
    lastIndex: toLogIndex(100),
    persistedIndex: toLogIndex(95),
    firstIndex: toLogIndex(11),
    configuration: { members: [member(1), member(2), member(3, "learner")] },
    configurationIndex: toLogIndex(3),
    transferTarget: null,
    progress: [
      {
        id: toNodeId(2),
        matchIndex: toLogIndex(90),
        nextIndex: toLogIndex(101),
        state: "replicate",
        recentActive: true,
      },
      {
        id: toNodeId(3),
        matchIndex: toLogIndex(0),
        nextIndex: toLogIndex(1),
        state: "snapshot",
        recentActive: false,
      },
    ],
  },
  state: {
    appliedIndex: toLogIndex(88),
    appliedTerm: toTerm(7),
    revision: toRevision(70),
    compactRevision: toRevision(20),
    keys: 40,
    hash: 1,
    checkpoint: null,
  },
  counters: {
    leaderChanges: 2,
    proposalsAccepted: 60,
    proposalsFailed: 3,
    proposalsPending: 4,
    readsPending: 5,
    entriesApplied: 80,
    inboxItems: 6,
    inboxBytes: 600,
    snapshotsSent: 1,
    snapshotsInstalled: 0,
  },
  ready: true,
  notReadyReason: "",
  corrupt: false,
  removed: false,
};

const transportStats: TransportStats = {
  peers: [2, 9].map((id) => ({
    peer: toNodeId(id),
    connected: id === 2,
    bytesSent: 1000,
    bytesReceived: 2000,
    messagesSent: 10,
    messagesReceived: 20,
    messagesDropped: 1,
    queueMessages: 0,
    queueBytes: 0,
    connects: 1,
    connectFailures: 2,
    breaks: 0,
    roundTripMs: id === 2 ? 1.5 : null,
    snapshotBytesSent: 0,
    snapshotBytesReceived: 0,
  })),
  refused: new Map(),
  protocolErrors: 1,
  messagesUnroutable: 2,
  pendingHandshakes: 0,
  inboundConnections: 2,
  snapshotsSending: 1,
  snapshotsReceiving: 0,
};

const noReload = { reloads: 0, failures: 0, stale: false };

const authStats: AuthStats = {
  failures: new Map(authFailureReasons.map((reason: AuthFailureReason, i) => [reason, i])),
  cacheHits: 100,
  cacheMisses: 3,
  cachedTokens: 2,
  keys: [],
  policies: 4,
  reloads: { keys: noReload, jwks: noReload, policies: { reloads: 1, failures: 2, stale: true } },
};

const encryptionStats: EncryptionStats = {
  activeKey: "k2",
  keyIds: ["k1", "k2"],
  sealed: 11,
  opened: 12,
  rejected: 1,
  subkeysDerived: 2,
  ringId: "ring",
  reloads: 1,
  reloadFailures: 0,
  reloadProblem: null,
};

const unused = (): never => {
  throw new Error("the metrics must not ask for this");
};

function makeReplica(status: () => ReplicaStatus): ReplicaService {
  return {
    reader: { getMany: unused, getAt: unused, scan: unused },
    propose: unused,
    readBarrier: unused,
    stalenessMs: () => 250,
    admin: unused,
    status,
    storeStats: () => ({ logBytes: 5000, stateBytes: 9000 }),
  };
}

const makeNode = (replica: ReplicaService | null): NodeService => ({
  name: "node-1",
  phase: () => (replica === null ? "blank" : "serving"),
  identity: () =>
    replica === null
      ? null
      : { clusterId: toClusterId("0".repeat(32)), nodeId: toNodeId(1), name: "node-1" },
  replica: () => replica,
  bootstrap: unused,
  join: unused,
  drain: unused,
  openSnapshot: unused,
});

/** Sources of a leader, or, without a status, of a blank node. */
export const makeSources = (status: (() => ReplicaStatus) | null): MetricsSources => ({
  node: makeNode(status === null ? null : makeReplica(status)),
  version: "1.2.3",
  transport: () => (status === null ? null : transportStats),
  disk: () => (status === null ? null : { freeBytes: 6000, sizeBytes: 20_000 }),
  auth: () => authStats,
  encryption: () => (status === null ? null : encryptionStats),
});

export interface ParsedMetric {
  readonly type: string;
  readonly help: string;
  /** Sample as printed, name and labels → value. */
  readonly samples: Map<string, number>;
}

const sampleForm = /^([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/;

/** @throws Error at anything that is not the text format 0.0.4 or that appears twice */
export function parseExposition(text: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, ParsedMetric>();
  let current: { name: string; metric: ParsedMetric } | null = null;
  let help = "";
  if (!text.endsWith("\n")) throw new Error("the page does not end with a line break");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (line.startsWith("# HELP ")) {
      help = line.slice("# HELP ".length).split(" ").slice(1).join(" ");
      continue;
    }
    const typeLine = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (typeLine !== null) {
      const [, name = "", type = ""] = typeLine;
      if (metrics.has(name)) throw new Error(`${name} appears twice`);
      current = { name, metric: { type, help, samples: new Map() } };
      metrics.set(name, current.metric);
      continue;
    }
    const sample = sampleForm.exec(line);
    if (sample === null || current === null) throw new Error(`not a sample: ${line}`);
    const [, name = "", labels = "", value = ""] = sample;
    const base = name.replace(/_(bucket|sum|count)$/, "");
    const owner = current.metric.type === "histogram" ? base : name;
    if (owner !== current.name) throw new Error(`${name} stands under ${current.name}`);
    const id = labels === "" ? name : `${name}{${labels}}`;
    if (current.metric.samples.has(id)) throw new Error(`${id} appears twice`);
    const figure = value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value);
    // prom-client writes "Nan", which Go's ParseFloat and so Prometheus take in any case.
    if (Number.isNaN(figure) && value.toLowerCase() !== "nan")
      throw new Error(`no number: ${line}`);
    current.metric.samples.set(id, figure);
  }
  return metrics;
}
