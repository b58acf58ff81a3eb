/**
 * The objects of one kind as last heard, by namespace and name. Owns what counts as a change.
 * Objects are frozen; a reader keeps what it read.
 */
import type { LiveObject } from "./decode-json.ts";
import type { ObjectKey } from "./objects.ts";

/**
 * Told after the store has changed, with the object as it is and as it was (its labels may name
 * another owner). Must only note the key: it runs inside the reflector.
 */
export type OnChange = (object: LiveObject) => void;

/** Whether a version of an object is to be told of after the one before it. */
export type IsNews = (object: LiveObject, before: LiveObject) => boolean;

const isNewVersion: IsNews = ({ metadata }, before) =>
  metadata.uid !== before.metadata.uid ||
  metadata.resourceVersion !== before.metadata.resourceVersion;

/**
 * All but a change of the status. Of a resource whose status nobody but us writes, it would only
 * say what we know.
 */
export const isMoreThanStatus: IsNews = (object, before) => {
  const told = ({ metadata }: LiveObject): string => {
    const { uid, generation, deletionTimestamp, labels = {}, annotations = {} } = metadata;
    const texts = [labels, annotations].map((map) => Object.entries(map).sort());
    return JSON.stringify([uid, generation, deletionTimestamp, texts]);
  };
  return told(object) !== told(before);
};

export class ObjectStore {
  readonly #namespaces = new Map<string, Map<string, LiveObject>>();
  readonly #onChange: OnChange;
  readonly #isNews: IsNews;

  constructor(onChange: OnChange, isNews: IsNews = isNewVersion) {
    this.#onChange = onChange;
    this.#isNews = isNews;
  }

  get size(): number {
    return [...this.#namespaces.values()].reduce((sum, names) => sum + names.size, 0);
  }

  get(key: ObjectKey): LiveObject | null {
    return this.#namespaces.get(key.namespace)?.get(key.name) ?? null;
  }

  all(): readonly LiveObject[] {
    return [...this.#namespaces.values()].flatMap((names) => [...names.values()]);
  }

  inNamespace(namespace: string): readonly LiveObject[] {
    return [...(this.#namespaces.get(namespace)?.values() ?? [])];
  }

  put(object: LiveObject): void {
    const { namespace, name } = object.metadata;
    const names = this.#namespaces.get(namespace) ?? new Map<string, LiveObject>();
    this.#namespaces.set(namespace, names);
    const before = names.get(name);
    names.set(name, object);
    if (before !== undefined && !this.#isNews(object, before)) return;
    if (before !== undefined) this.#onChange(before);
    this.#onChange(object);
  }

  remove(object: LiveObject): void {
    const { namespace, name } = object.metadata;
    const names = this.#namespaces.get(namespace);
    const before = names?.get(name);
    if (names === undefined || before === undefined) return;
    names.delete(name);
    if (names.size === 0) this.#namespaces.delete(namespace);
    this.#onChange(before);
  }

  /** Makes the store hold exactly these objects; what is missing counts as deleted. */
  replace(objects: readonly LiveObject[]): void {
    const keyOf = ({ metadata }: LiveObject): string => `${metadata.namespace}/${metadata.name}`;
    const present = new Set(objects.map(keyOf));
    for (const object of this.all()) if (!present.has(keyOf(object))) this.remove(object);
    for (const object of objects) this.put(object);
  }
}
