/**
 * Our own status writes that the watch has not brought back yet. Without it, the pass after a write
 * would work from what was before it, and be told so by a conflict.
 */
import type { LiveObject } from "./decode-json.ts";
import type { ObjectKey } from "./objects.ts";

interface Written {
  readonly object: LiveObject;
  /** Versions that this write is known to follow: each was a precondition. */
  readonly older: ReadonlySet<string>;
}

export class OwnWrites {
  /** By namespace and name. */
  readonly #written = new Map<string, Written>();

  /** Writes that are remembered. */
  get size(): number {
    return this.#written.size;
  }

  /** @param from the resourceVersion that was the write's precondition */
  note(object: LiveObject, from: string): void {
    const { uid, resourceVersion } = object.metadata;
    if (resourceVersion === from) return;
    const key = keyOf(object.metadata);
    const known = this.#written.get(key);
    const older = known?.object.metadata.uid === uid ? known.older : [];
    this.#written.set(key, { object, older: new Set([...older, from]) });
  }

  /** The newer of what is cached and what we wrote. */
  newest(cached: LiveObject): LiveObject {
    const { uid, resourceVersion } = cached.metadata;
    const written = this.#written.get(keyOf(cached.metadata));
    if (written === undefined) return cached;
    const isSame = written.object.metadata.uid === uid;
    if (isSame && written.older.has(resourceVersion)) return written.object;
    this.forget(cached.metadata);
    return cached;
  }

  /** The object is gone. */
  forget(key: ObjectKey): void {
    this.#written.delete(keyOf(key));
  }
}

const keyOf = ({ namespace, name }: ObjectKey): string => `${namespace}/${name}`;
