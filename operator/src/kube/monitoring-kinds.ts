/**
 * Which of prometheus-operator's kinds the API server serves, now and later: asked every minute,
 * and watched while they are there.
 */
import type { Capabilities } from "../model/index.ts";
import { type KubeClock, pause } from "./clock.ts";
import type { KubeConnection } from "./connection.ts";
import { at, type LiveObject, recordsOf } from "./decode-json.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import type { CacheReport, ResourceCache } from "./resource-cache.ts";
import { monitoringGroupVersion, type Resource, resources } from "./resources.ts";

export interface MonitoringKindsOptions {
  readonly connection: KubeConnection;
  readonly clock: KubeClock;
  readonly createCache: (resource: Resource, onSynced: () => void) => ResourceCache;
  /** A kind can be used now, or no longer: every cluster has to be looked at. */
  readonly onChange: () => void;
  readonly onFailure?: (error: KubeError) => void;
}

interface Watched {
  readonly cache: ResourceCache;
  readonly stop: AbortController;
}

const POLL_MS = 60_000;
const OPTIONAL: readonly Resource[] = [resources.serviceMonitor, resources.prometheusRule];

export class MonitoringKinds {
  readonly #options: MonitoringKindsOptions;
  readonly #watched = new Map<Resource, Watched>();
  #wasAsked = false;

  constructor(options: MonitoringKindsOptions) {
    this.#options = options;
  }

  /** Whether the API server has told yet what it serves. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /**
   * A kind counts once its objects are known: what cannot be seen would be written again and again.
   */
  get capabilities(): Capabilities {
    return {
      serviceMonitor: this.#watched.get(resources.serviceMonitor)?.cache.hasSynced ?? false,
      prometheusRule: this.#watched.get(resources.prometheusRule)?.cache.hasSynced ?? false,
    };
  }

  inNamespace(namespace: string): readonly LiveObject[] {
    return [...this.#watched.values()].flatMap(({ cache }) => cache.inNamespace(namespace));
  }

  reports(): readonly CacheReport[] {
    return [...this.#watched.values()].map(({ cache }) => cache.report());
  }

  /** Ends when `signal` aborts; rejects with what a watch throws, which is a defect. */
  async run(signal: AbortSignal): Promise<void> {
    const { promise: defect, reject } = Promise.withResolvers<never>();
    await Promise.race([this.#poll(signal, reject), defect]);
  }

  async #poll(signal: AbortSignal, reject: (error: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      const served = await this.#ask(signal);
      for (const kind of OPTIONAL) {
        if (served === null) break;
        if (served.has(kind.kind)) this.#start(kind, signal, reject);
        else this.#stop(kind);
      }
      await pause(this.#options.clock, POLL_MS, signal);
    }
  }

  /** Kinds of the group; null: not known this time, so all stays as it is. */
  async #ask(signal: AbortSignal): Promise<ReadonlySet<unknown> | null> {
    const path = `/apis/${monitoringGroupVersion}`;
    try {
      const answer = await this.#options.connection.request({ method: "GET", path, signal });
      this.#wasAsked = true;
      return new Set(recordsOf(at(answer, "resources")).map((one) => one["kind"]));
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (isKubeError(error, "notFound")) {
        this.#wasAsked = true;
        return new Set();
      }
      if (!signal.aborted) this.#options.onFailure?.(error);
      return null;
    }
  }

  #start(kind: Resource, signal: AbortSignal, reject: (error: unknown) => void): void {
    if (this.#watched.has(kind)) return;
    const stop = new AbortController();
    const cache = this.#options.createCache(kind, this.#options.onChange);
    this.#watched.set(kind, { cache, stop });
    cache.run(AbortSignal.any([signal, stop.signal])).catch(reject);
  }

  #stop(kind: Resource): void {
    const watched = this.#watched.get(kind);
    if (watched === undefined) return;
    watched.stop.abort();
    this.#watched.delete(kind);
    this.#options.onChange();
  }
}
