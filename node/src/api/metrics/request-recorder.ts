/**
 * Counts finished HTTP requests by route, method and code. On the hot path: after the first request
 * of a kind, recording one is three look-ups and a few additions.
 */
import type { RequestMetrics } from "../context.ts";
import type { MetricDoc, Sample } from "./definition.ts";
import {
  createDurationHistogram,
  type DurationHistogram,
  renderHistograms,
  requestBuckets,
} from "./duration-histogram.ts";

export const requestCountDoc: MetricDoc = {
  name: "kvcluster_http_requests_total",
  type: "counter",
  unit: "items",
  labels: ["method", "route", "code"],
  meaning: "Finished HTTP requests. code is that of the error table, OK for a success.",
};

export const requestDurationDoc: MetricDoc = {
  name: "kvcluster_http_request_duration_seconds",
  type: "histogram",
  unit: "seconds",
  labels: ["method", "route"],
  meaning: "From the request's headers to the end of its answer.",
};

const methods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "PUT",
  "POST",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

/** More routes than the API has; what would be beyond is counted as `unknown`. */
export const requestRoutesMax = 128;
/** More codes than the error table has; what would be beyond is counted as `other`. */
export const requestCodesMax = 128;

interface Counts {
  readonly method: string;
  readonly route: string;
  readonly duration: DurationHistogram;
  readonly codes: Map<string, number>;
}

export interface RequestRecorder extends RequestMetrics {
  readCounts(): readonly Sample[];
  renderDurations(): string;
}

function makeCounts(method: string, route: string): Counts {
  const duration = createDurationHistogram({
    name: requestDurationDoc.name,
    labels: { method, route },
    buckets: requestBuckets,
  });
  return { method, route, duration, codes: new Map() };
}

export function createRequestRecorder(): RequestRecorder {
  const routes = new Map<string, Map<string, Counts>>();

  function addRoute(route: string): Map<string, Counts> {
    // A path that a client invents must never become a label (prometheus.io, "Instrumentation").
    const name = routes.size < requestRoutesMax ? route : "unknown";
    const known = routes.get(name) ?? new Map<string, Counts>();
    routes.set(name, known);
    return known;
  }

  function addCounts(byMethod: Map<string, Counts>, method: string, route: string): Counts {
    const counts = byMethod.get(method) ?? makeCounts(method, route);
    byMethod.set(method, counts);
    return counts;
  }

  function findCounts(route: string, method: string): Counts {
    const known = routes.get(route)?.get(method);
    if (known !== undefined) return known;
    const byMethod = addRoute(route);
    const label = routes.get(route) === byMethod ? route : "unknown";
    return addCounts(byMethod, methods.has(method) ? method : "other", label);
  }

  const allCounts = (): Counts[] =>
    [...routes.values()].flatMap((byMethod) => [...byMethod.values()]);

  return {
    finished: ({ method, route, code, seconds }) => {
      const { duration, codes } = findCounts(route, method);
      duration.observe(seconds);
      const before = codes.get(code);
      if (before === undefined && codes.size >= requestCodesMax) {
        codes.set("other", (codes.get("other") ?? 0) + 1);
      } else {
        codes.set(code, (before ?? 0) + 1);
      }
    },
    readCounts: () =>
      allCounts().flatMap(({ method, route, codes }) =>
        [...codes].map(([code, value]) => ({ labels: { method, route, code }, value })),
      ),
    renderDurations: () =>
      renderHistograms(
        requestDurationDoc,
        allCounts().map(({ duration }) => duration),
      ),
  };
}
