/** All that is known of one kind: a reflector and a store for each namespace that is watched. */
import type { LiveObject } from "./decode-json.ts";
import { type IsNews, ObjectStore, type OnChange } from "./object-store.ts";
import type { ObjectKey } from "./objects.ts";
import { Reflector, type ReflectorOptions } from "./reflector.ts";
import type { Resource } from "./resources.ts";

export interface ResourceCacheOptions
  extends Pick<ReflectorOptions, "connection" | "clock" | "random" | "hooks"> {
  readonly resource: Resource;
  readonly labelSelector?: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly onChange: OnChange;
  /** Default: each version. */
  readonly isNews?: IsNews;
}

/** For readiness and metrics. Ages in ms; null: never. */
export interface CacheReport {
  readonly kind: string;
  readonly objects: number;
  readonly hasSynced: boolean;
  /** Of the reflector that has heard nothing for longest. */
  readonly contactAgeMs: number | null;
  /** Since the last change of any object. */
  readonly eventAgeMs: number | null;
}

interface Part {
  readonly reflector: Reflector;
  readonly store: ObjectStore;
}

export class ResourceCache {
  readonly #kind: string;
  readonly #monotonic: () => number;
  readonly #parts: readonly Part[];

  constructor(options: ResourceCacheOptions) {
    const { resource, labelSelector, namespaces, onChange, isNews, ...rest } = options;
    this.#kind = resource.kind;
    this.#monotonic = options.clock.monotonic;
    const selector = labelSelector === undefined ? {} : { labelSelector };
    this.#parts = (namespaces.length === 0 ? [null] : namespaces).map((namespace) => {
      const store = new ObjectStore(onChange, isNews);
      const scope = { resource, namespace, ...selector };
      return { store, reflector: new Reflector({ ...rest, scope, store }) };
    });
  }

  get hasSynced(): boolean {
    return this.#parts.every(({ reflector }) => reflector.hasSynced);
  }

  /** Ends only when `signal` aborts; see `Reflector.run`. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#parts.map(({ reflector }) => reflector.run(signal)));
  }

  get(key: ObjectKey): LiveObject | null {
    return this.#parts.map(({ store }) => store.get(key)).find((found) => found !== null) ?? null;
  }

  all(): readonly LiveObject[] {
    return this.#parts.flatMap(({ store }) => store.all());
  }

  inNamespace(namespace: string): readonly LiveObject[] {
    return this.#parts.flatMap(({ store }) => store.inNamespace(namespace));
  }

  report(): CacheReport {
    const ages = (time: (reflector: Reflector) => number | null): readonly number[] =>
      this.#parts.map(({ reflector }) => this.#monotonic() - (time(reflector) ?? -Infinity));
    const known = (age: number): number | null => (Number.isFinite(age) ? age : null);
    return {
      kind: this.#kind,
      objects: this.#parts.reduce((sum, { store }) => sum + store.size, 0),
      hasSynced: this.hasSynced,
      contactAgeMs: known(Math.max(...ages(({ lastContact }) => lastContact))),
      eventAgeMs: known(Math.min(...ages(({ lastEvent }) => lastEvent))),
    };
  }
}
