/** What the operator counts, as Prometheus reads it. The only file that knows prom-client. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { KVClusterStatus } from "../model/index.ts";
import type { ClusterKey } from "../reconcile/index.ts";
import { type MetricKey, metricTable } from "./metric-table.ts";

/** What is asked when somebody scrapes. */
export interface MetricSources {
  readonly queue: () => {
    readonly depth: number;
    readonly inProgress: number;
    readonly longestMs: number;
  } | null;
  readonly watches: () => readonly {
    readonly kind: string;
    readonly objects: number;
    readonly contactAgeMs: number | null;
  }[];
}

export interface KubeAnswer {
  readonly method: string;
  readonly resource: string;
  /** 0 without an answer. */
  readonly status: number;
  readonly durationMs: number;
}

export type PassResult = "ok" | "failed" | "gone" | "error";

/** From a cached look to a pass that waits for several slow nodes. */
const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const conditionValue = { True: 1, False: 0, Unknown: -1 } as const;

export class OperatorMetrics {
  readonly registry: Registry = new Registry();
  readonly #counters = new Map<MetricKey, Counter>();
  readonly #gauges = new Map<MetricKey, Gauge>();
  readonly #histograms = new Map<MetricKey, Histogram>();

  constructor(version: string, sources: MetricSources) {
    collectDefaultMetrics({ register: this.registry });
    for (const key of Object.keys(metricTable)) if (isMetricKey(key)) this.#create(key);
    this.#gauge("build").set({ version }, 1);
    this.#collect("queueDepth", (gauge) => gauge.set(sources.queue()?.depth ?? 0));
    this.#collect("queueInProgress", (gauge) => gauge.set(sources.queue()?.inProgress ?? 0));
    this.#collect("queueLongest", (gauge) => gauge.set((sources.queue()?.longestMs ?? 0) / 1_000));
    this.#collect("watchContact", (gauge) => {
      gauge.reset();
      for (const { kind, contactAgeMs } of sources.watches()) {
        if (contactAgeMs !== null) gauge.set({ kind }, contactAgeMs / 1_000);
      }
    });
    this.#collect("watchObjects", (gauge) => {
      gauge.reset();
      for (const { kind, objects } of sources.watches()) gauge.set({ kind }, objects);
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async render(): Promise<string> {
    return await this.registry.metrics();
  }

  setLeader(isLeader: boolean): void {
    this.#gauge("leader").set(isLeader ? 1 : 0);
  }

  notePass(result: PassResult, durationMs: number): void {
    this.#counter("reconciles").inc({ result });
    this.#histograms.get("reconcileSeconds")?.observe(durationMs / 1_000);
  }

  noteFailure(code: string): void {
    this.#counter("failures").inc({ code });
  }

  noteActions(count: number): void {
    this.#counter("actions").inc(count);
  }

  noteRetry(): void {
    this.#counter("queueRetries").inc();
  }

  /** @param succeededAt ms since the epoch, or null when the pass failed */
  noteCluster(key: ClusterKey, status: KVClusterStatus, succeededAt: number | null): void {
    const labels = labelsOf(key);
    for (const { type, status: value } of status.conditions ?? []) {
      this.#gauge("condition").set({ ...labels, condition: type }, conditionValue[value]);
    }
    this.noteAttempt(key, succeededAt);
  }

  /** A cluster of which nothing more is known than whether the pass succeeded. */
  noteAttempt(key: ClusterKey, succeededAt: number | null): void {
    const gauge = this.#gauge("lastSuccess");
    if (succeededAt === null) gauge.inc(labelsOf(key), 0);
    else gauge.set(labelsOf(key), succeededAt / 1_000);
  }

  forgetCluster(key: ClusterKey): void {
    const labels = labelsOf(key);
    for (const condition of ["Available", "Progressing", "Degraded"]) {
      this.#gauge("condition").remove({ ...labels, condition });
    }
    this.#gauge("lastSuccess").remove(labels);
  }

  noteKubeAnswer({ method, resource, status, durationMs }: KubeAnswer): void {
    this.#counter("kubeRequests").inc({ method, resource, status: String(status) });
    this.#histograms.get("kubeRequestSeconds")?.observe({ method }, durationMs / 1_000);
  }

  noteRelist(kind: string, reason: string): void {
    this.#counter("relists").inc({ kind, reason });
  }

  noteWatch(kind: string, isOpen: boolean): void {
    this.#gauge("watchOpen").inc({ kind }, isOpen ? 1 : -1);
  }

  noteWatchFailure(kind: string): void {
    this.#counter("watchFailures").inc({ kind });
  }

  #create(key: MetricKey): void {
    const { name, type, labels, meaning } = metricTable[key];
    const options = { name, help: meaning, labelNames: [...labels], registers: [this.registry] };
    if (type === "counter") this.#counters.set(key, new Counter(options));
    else if (type === "gauge") this.#gauges.set(key, new Gauge(options));
    else this.#histograms.set(key, new Histogram({ ...options, buckets: SECONDS }));
  }

  /** A gauge that is worked out when somebody scrapes. */
  #collect(key: MetricKey, collect: (gauge: Gauge) => void): void {
    const { name, labels, meaning } = metricTable[key];
    this.registry.removeSingleMetric(name);
    const gauge: Gauge = new Gauge({
      name,
      help: meaning,
      labelNames: [...labels],
      registers: [this.registry],
      collect: () => collect(gauge),
    });
    this.#gauges.set(key, gauge);
  }

  #counter(key: MetricKey): Counter {
    return present(this.#counters.get(key), key);
  }

  #gauge(key: MetricKey): Gauge {
    return present(this.#gauges.get(key), key);
  }
}

const isMetricKey = (key: string): key is MetricKey => Object.hasOwn(metricTable, key);

function present<T>(metric: T | undefined, key: MetricKey): T {
  if (metric === undefined) throw new TypeError(`metric ${key} is of another type`);
  return metric;
}

const labelsOf = ({ namespace, name }: ClusterKey): Record<string, string> => ({
  cluster_namespace: namespace,
  cluster: name,
});
