/**
 * The metrics of one node: pulled from its parts when the page is asked for, except durations,
 * which are observed where they happen. Owns the only registry; nothing is registered globally.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { EncryptionStats } from "../../crypto/index.ts";
import type { NodeService } from "../../replica/index.ts";
import type { TransportStats } from "../../transport/index.ts";
import type { AuthStats } from "../auth/index.ts";
import type { MetricsPage, RequestMetrics } from "../context.ts";
import { accessMetrics, encryptionMetrics, processMetrics } from "./access-metrics.ts";
import type { MetricDoc, PulledMetric, Sample, Snapshot } from "./definition.ts";
import {
  createDurationHistogram,
  type DurationHistogram,
  renderHistograms,
  storageBuckets,
} from "./duration-histogram.ts";
import { peerMetrics } from "./peer-metrics.ts";
import { replicaMetrics } from "./replica-metrics.ts";
import {
  createRequestRecorder,
  type RequestRecorder,
  requestCountDoc,
  requestDurationDoc,
} from "./request-recorder.ts";

/** Where the figures come from; each is asked once for each scrape. */
export interface MetricsSources {
  readonly node: NodeService;
  readonly version: string;
  /** null while there is no transport (a blank node). */
  readonly transport: () => TransportStats | null;
  /** null while it is not known. */
  readonly disk: () => Snapshot["disk"];
  readonly auth: () => AuthStats;
  /** null when there is no key ring. */
  readonly encryption: () => EncryptionStats | null;
}

export interface Metrics extends MetricsPage, RequestMetrics {
  /** A log write became durable: the time from its hand-over to the end of its sync. */
  observeLogSync(seconds: number): void;
  /** A batch of entries was applied to the state. */
  observeApply(seconds: number): void;
}

const logSyncDoc: MetricDoc = {
  name: "kvcluster_log_sync_duration_seconds",
  type: "histogram",
  unit: "seconds",
  labels: [],
  meaning: "Writes of the Raft log until they are durable (fdatasync). Slow: every write is slow.",
};

const applyDoc: MetricDoc = {
  name: "kvcluster_apply_duration_seconds",
  type: "histogram",
  unit: "seconds",
  labels: [],
  meaning: "Applying a batch of committed entries to the state.",
};

const pulledGroups: readonly { readonly title: string; readonly metrics: PulledMetric[] }[] = [
  { title: "Process", metrics: [...processMetrics] },
  { title: "Consensus and store", metrics: [...replicaMetrics] },
  { title: "Peers", metrics: [...peerMetrics] },
  { title: "Access", metrics: [...accessMetrics] },
  { title: "Encryption", metrics: [...encryptionMetrics] },
];

/** All metrics under the names of KVCluster, in groups, for the reference. */
export const metricGroups: readonly {
  readonly title: string;
  readonly metrics: readonly MetricDoc[];
}[] = [
  { title: "HTTP", metrics: [requestCountDoc, requestDurationDoc] },
  { title: "Durations of the store", metrics: [logSyncDoc, applyDoc] },
  ...pulledGroups,
];

/** Samples of Node's event-loop delay are this far apart. */
const eventLoopSampleMs = 20;

function takeSnapshot(sources: MetricsSources): Snapshot {
  const { node } = sources;
  const replica = node.replica();
  return {
    version: sources.version,
    phase: node.phase(),
    identity: node.identity(),
    replica: replica?.status() ?? null,
    store: replica?.storeStats() ?? null,
    stalenessMs: replica?.stalenessMs() ?? null,
    transport: sources.transport(),
    disk: sources.disk(),
    auth: sources.auth(),
    encryption: sources.encryption(),
  };
}

/** Registers a metric whose samples `read` gives when it is collected. */
function register(registry: Registry, doc: MetricDoc, read: () => readonly Sample[]): void {
  const shared = {
    name: doc.name,
    help: doc.meaning,
    labelNames: [...doc.labels],
    registers: [registry],
  };
  if (doc.type === "counter") {
    const counter = new Counter({
      ...shared,
      collect: () => {
        counter.reset();
        // Without labels `reset` leaves a zero, which would pass for a figure.
        if (doc.labels.length === 0) counter.remove();
        for (const { labels, value } of read()) counter.inc({ ...labels }, value);
      },
    });
    return;
  }
  const gauge = new Gauge({
    ...shared,
    collect: () => {
      gauge.reset();
      if (doc.labels.length === 0) gauge.remove();
      for (const { labels, value } of read()) gauge.set({ ...labels }, value);
    },
  });
}

function makeRegistry(requests: RequestRecorder, snapshot: () => Snapshot): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopSampleMs });
  register(registry, requestCountDoc, () => requests.readCounts());
  for (const { metrics } of pulledGroups) {
    for (const metric of metrics) register(registry, metric, () => metric.read(snapshot()));
  }
  return registry;
}

const makeStorageHistogram = ({ name }: MetricDoc): DurationHistogram =>
  createDurationHistogram({ name, labels: {}, buckets: storageBuckets });

/** Makes the metrics of a node; cheap until the page is asked for. */
export function createMetrics(sources: MetricsSources): Metrics {
  const requests = createRequestRecorder();
  const logSync = makeStorageHistogram(logSyncDoc);
  const apply = makeStorageHistogram(applyDoc);
  let snapshot: Snapshot | null = null;
  const registry = makeRegistry(requests, () => {
    snapshot ??= takeSnapshot(sources);
    return snapshot;
  });
  let underway: Promise<string> | null = null;

  async function renderOnce(): Promise<string> {
    try {
      snapshot = takeSnapshot(sources);
      return [
        await registry.metrics(),
        requests.renderDurations(),
        renderHistograms(logSyncDoc, [logSync]),
        renderHistograms(applyDoc, [apply]),
        "",
      ].join("\n");
    } finally {
      snapshot = null;
    }
  }

  return {
    contentType: registry.contentType,
    render: () => {
      // Scrapers that come together share one page: it costs more than any request.
      underway ??= renderOnce().finally(() => {
        underway = null;
      });
      return underway;
    },
    finished: requests.finished,
    observeLogSync: logSync.observe,
    observeApply: apply.observe,
  };
}
