/**
 * Everything that the operator watches, and whose key a change means. Nothing may be reconciled
 * before `hasSynced`; `isFresh` is for readiness.
 */
import { type Capabilities, clusterLabel } from "../model/index.ts";
import type { ClusterKey } from "../reconcile/index.ts";
import { type KubeClock, pause } from "./clock.ts";
import type { KubeConnection } from "./connection.ts";
import { type LiveObject, labelOf } from "./decode-json.ts";
import type { KubeError } from "./kube-error.ts";
import { MonitoringKinds } from "./monitoring-kinds.ts";
import { isMoreThanStatus } from "./object-store.ts";
import type { ReflectorHooks } from "./reflector.ts";
import { type CacheReport, ResourceCache } from "./resource-cache.ts";
import { type Resource, resources } from "./resources.ts";

export interface CachesOptions {
  readonly connection: KubeConnection;
  readonly clock: KubeClock;
  readonly random: () => number;
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  /** Something of that cluster has changed. Must only note the key. */
  readonly onChange: (key: ClusterKey) => void;
  readonly hooks?: ReflectorHooks;
  /** Asking what the API server serves failed; asked again in a minute. */
  readonly onDiscoveryFailure?: (error: KubeError) => void;
}

const MANAGED = "app.kubernetes.io/managed-by=kvcluster-operator";
/** Pods and claims are the StatefulSet controller's. */
const OURS = "app.kubernetes.io/name=kvcluster";
const instanceLabel = "app.kubernetes.io/instance";
const SYNC_POLL_MS = 50;
const CONTACT_AGE_MAX_MS = 300_000;

const CHILDREN: readonly Resource[] = [
  resources.statefulSet,
  resources.service,
  resources.configMap,
  resources.podDisruptionBudget,
  resources.networkPolicy,
  resources.serviceAccount,
];

export class Caches {
  readonly #options: CachesOptions;
  readonly #clusters: ResourceCache;
  readonly #pods: ResourceCache;
  readonly #claims: ResourceCache;
  readonly #children: readonly ResourceCache[];
  readonly #monitoring: MonitoringKinds;

  constructor(options: CachesOptions) {
    this.#options = options;
    const { connection, clock, random, watchNamespaces, hooks } = options;
    const { onChange, onDiscoveryFailure } = options;
    const toOwner = (object: LiveObject): void => this.#enqueueOwner(object);
    // Passes bring their own delays: a status that one of them wrote must not start another.
    this.#clusters = new ResourceCache({
      ...{ connection, clock, random, namespaces: watchNamespaces },
      resource: resources.kvCluster,
      onChange: ({ metadata: { namespace, name } }) => onChange({ namespace, name }),
      isNews: isMoreThanStatus,
      ...(hooks === undefined ? {} : { hooks }),
    });
    this.#pods = this.#create(resources.pod, OURS, toOwner);
    this.#claims = this.#create(resources.claim, OURS, toOwner);
    this.#children = CHILDREN.map((kind) => this.#create(kind, MANAGED, toOwner));
    this.#monitoring = new MonitoringKinds({
      connection,
      clock,
      createCache: (kind, onSynced) => this.#createOptional(kind, onSynced),
      onChange: () => this.enqueueAll(),
      ...(onDiscoveryFailure === undefined ? {} : { onFailure: onDiscoveryFailure }),
    });
  }

  get hasSynced(): boolean {
    return this.#monitoring.wasAsked && this.#required.every((cache) => cache.hasSynced);
  }

  /** Every watch has heard from the API server within five minutes. */
  get isFresh(): boolean {
    const reports = this.#required.map((cache) => cache.report());
    return reports.every(({ contactAgeMs }) => (contactAgeMs ?? Infinity) < CONTACT_AGE_MAX_MS);
  }

  get capabilities(): Capabilities {
    return this.#monitoring.capabilities;
  }

  get #required(): readonly ResourceCache[] {
    return [this.#clusters, this.#pods, this.#claims, ...this.#children];
  }

  /** Ends when `signal` aborts; rejects on a defect, with all watches ended. */
  async run(signal: AbortSignal): Promise<void> {
    const life = new AbortController();
    const all = AbortSignal.any([signal, life.signal]);
    try {
      const parts = [...this.#required, this.#monitoring];
      await Promise.all(parts.map((part) => part.run(all)));
    } finally {
      life.abort();
    }
  }

  /** Resolves once everything is known, or when `signal` aborts. */
  async waitForSync(signal: AbortSignal): Promise<void> {
    while (!this.hasSynced && !signal.aborted) {
      await pause(this.#options.clock, SYNC_POLL_MS, signal);
    }
  }

  /** Something has changed that concerns every cluster. */
  enqueueAll(): void {
    for (const { metadata } of this.#clusters.all()) {
      this.#options.onChange({ namespace: metadata.namespace, name: metadata.name });
    }
  }

  clusters(): readonly LiveObject[] {
    return this.#clusters.all();
  }

  cluster(key: ClusterKey): LiveObject | null {
    return this.#clusters.get(key);
  }

  podsOf(key: ClusterKey): readonly LiveObject[] {
    return ownedBy(key, instanceLabel, this.#pods.inNamespace(key.namespace));
  }

  claimsOf(key: ClusterKey): readonly LiveObject[] {
    return ownedBy(key, instanceLabel, this.#claims.inNamespace(key.namespace));
  }

  /** All children but Secrets, pods and claims. */
  childrenOf(key: ClusterKey): readonly LiveObject[] {
    const children = this.#children.flatMap((cache) => cache.inNamespace(key.namespace));
    const monitoring = this.#monitoring.inNamespace(key.namespace);
    return ownedBy(key, clusterLabel, [...children, ...monitoring]);
  }

  reports(): readonly CacheReport[] {
    return [...this.#required.map((cache) => cache.report()), ...this.#monitoring.reports()];
  }

  #create(
    resource: Resource,
    labelSelector: string,
    onChange: (object: LiveObject) => void,
  ): ResourceCache {
    const { connection, clock, random, watchNamespaces, hooks } = this.#options;
    return new ResourceCache({
      ...{ connection, clock, random, resource, onChange, labelSelector },
      namespaces: watchNamespaces,
      ...(hooks === undefined ? {} : { hooks }),
    });
  }

  #createOptional(resource: Resource, onSynced: () => void): ResourceCache {
    const { connection, clock, random, watchNamespaces, hooks } = this.#options;
    return new ResourceCache({
      ...{ connection, clock, random, resource, labelSelector: MANAGED },
      namespaces: watchNamespaces,
      onChange: (object) => this.#enqueueOwner(object),
      hooks: {
        ...hooks,
        onListed: (kind, reason, objects) => {
          hooks?.onListed?.(kind, reason, objects);
          if (reason === "start") onSynced();
        },
      },
    });
  }

  #enqueueOwner(object: LiveObject): void {
    const name = labelOf(object, clusterLabel) ?? labelOf(object, instanceLabel);
    if (name !== null) this.#options.onChange({ namespace: object.metadata.namespace, name });
  }
}

const ownedBy = (
  key: ClusterKey,
  label: string,
  objects: readonly LiveObject[],
): readonly LiveObject[] => objects.filter((object) => labelOf(object, label) === key.name);
