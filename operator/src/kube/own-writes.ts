/**
 * Our own status writes that the watch has not brought back yet. Without it, the pass after a write
 * would work from what was before it, and be told so by a conflict.
 */
import type { LiveObject } from "./decode-json.ts";

interface Written {
  readonly object: LiveObject;
  /** Versions that this write is known to follow: each was a precondition. */
  readonly older: ReadonlySet<string>;
}

export class OwnWrites {
  readonly #written = new Map<string, Written>();

  /** @param from the resourceVersion that was the write's precondition */
  note(object: LiveObject, from: string): void {
    const older = this.#written.get(object.metadata.uid)?.older ?? [];
    const isNoChange = object.metadata.resourceVersion === from;
    if (isNoChange) return;
    this.#written.set(object.metadata.uid, { object, older: new Set([...older, from]) });
  }

  /** The newer of what is cached and what we wrote. */
  newest(cached: LiveObject): LiveObject {
    const { uid, resourceVersion } = cached.metadata;
    const written = this.#written.get(uid);
    if (written === undefined) return cached;
    if (written.older.has(resourceVersion)) return written.object;
    this.#written.delete(uid);
    return cached;
  }
}
