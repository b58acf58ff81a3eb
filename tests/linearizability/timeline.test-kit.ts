/** Every version of every key, built from the store's account of its revisions. */
import type {
  Change,
  Condition,
  History,
  KeyRecord,
  NamedRecord,
  Violation,
  WriteRequest,
} from "./operation.test-kit.ts";

/** `record` null: the key does not exist from this revision on. */
export interface Version {
  readonly revision: number;
  readonly record: KeyRecord | null;
}

/** The end of a range of keys that start with a prefix; keys are ASCII. */
const PREFIX_END = "\u{7f}";

export class Timeline {
  readonly baseRevision: number;
  readonly lastRevision: number;
  readonly #versions = new Map<string, Version[]>();
  readonly #changes: readonly (readonly Change[])[];
  #sortedKeys: readonly string[] | null = null;

  /** @param faults gets what is wrong with the account itself */
  constructor(history: History, faults: Violation[]) {
    const { base, revisions } = history;
    this.baseRevision = base.revision;
    for (const { key, ...record } of base.records) {
      this.#versions.set(key, [{ revision: record.modRevision, record }]);
    }
    for (const [i, { revision, changes }] of revisions.entries()) {
      const wanted = base.revision + 1 + i;
      if (revision !== wanted || changes.length === 0) {
        const message = `revision ${wanted} is missing or empty; found ${revision}`;
        faults.push({ rule: "revisions are without gaps", message });
        break;
      }
      for (const change of changes) this.#append(revision, change, faults);
    }
    this.lastRevision = base.revision + revisions.length;
    this.#changes = revisions.map(({ changes }) => changes);
  }

  changesOf(revision: number): readonly Change[] {
    return this.#changes[revision - this.baseRevision - 1] ?? [];
  }

  /** Oldest first. */
  versionsOf(key: string): readonly Version[] {
    return this.#versions.get(key) ?? [];
  }

  recordAt(key: string, revision: number): KeyRecord | null {
    const versions = this.versionsOf(key);
    return versions[lastAtOrBefore(versions, revision)]?.record ?? null;
  }

  /** The keys that start with a prefix as of a revision, in order. */
  recordsAt(prefix: string, revision: number): readonly NamedRecord[] {
    const keys = this.#keys();
    const found: NamedRecord[] = [];
    for (let i = firstAtOrAfter(keys, prefix); i < keys.length; i += 1) {
      const key = keys[i] ?? "";
      if (!key.startsWith(prefix) || key >= prefix + PREFIX_END) break;
      const record = this.recordAt(key, revision);
      if (record !== null) found.push({ key, ...record });
    }
    return found;
  }

  /**
   * What a write would do to the state of a revision: null when its condition does not hold,
   * empty when there is nothing to do. `value` null: deleted.
   */
  effectOf(request: WriteRequest, revision: number): ReadonlyMap<string, string | null> | null {
    const exists = (key: string): boolean => this.recordAt(key, revision) !== null;
    switch (request.type) {
      case "put": {
        const { key, value, condition } = request;
        return isMet(condition, this.recordAt(key, revision)) ? new Map([[key, value]]) : null;
      }
      case "delete": {
        const { key, condition } = request;
        if (!isMet(condition, this.recordAt(key, revision))) return null;
        return new Map(exists(key) ? [[key, null]] : []);
      }
      case "deletePrefix":
        return new Map(this.recordsAt(request.prefix, revision).map(({ key }) => [key, null]));
      case "batch": {
        const { items } = request;
        const effective = items.filter(({ key, value }) => value !== null || exists(key));
        return new Map(effective.map(({ key, value }) => [key, value]));
      }
    }
  }

  #append(revision: number, { key, record }: Change, faults: Violation[]): void {
    const versions = this.#versions.get(key) ?? [];
    const previous = versions.at(-1)?.record ?? null;
    const fault = findRecordFault(revision, record, previous);
    if (fault !== null) {
      const message = `${key} at revision ${revision}: ${fault}`;
      faults.push({ rule: "records count their changes", message });
    }
    versions.push({ revision, record });
    this.#versions.set(key, versions);
  }

  #keys(): readonly string[] {
    this.#sortedKeys ??= [...this.#versions.keys()].sort();
    return this.#sortedKeys;
  }
}

function findRecordFault(
  revision: number,
  record: KeyRecord | null,
  previous: KeyRecord | null,
): string | null {
  if (record === null) return previous === null ? "deleted although it did not exist" : null;
  const wanted = {
    value: record.value,
    modRevision: revision,
    createRevision: previous?.createRevision ?? revision,
    version: (previous?.version ?? 0) + 1,
  };
  if (isSameRecord(record, wanted)) return null;
  return `${JSON.stringify(record)}, want ${JSON.stringify(wanted)}`;
}

export const isSameRecord = (a: KeyRecord | null, b: KeyRecord | null): boolean =>
  a === null || b === null
    ? a === b
    : a.value === b.value &&
      a.modRevision === b.modRevision &&
      a.createRevision === b.createRevision &&
      a.version === b.version;

export function isMet(condition: Condition, record: KeyRecord | null): boolean {
  switch (condition.type) {
    case "none":
      return true;
    case "absent":
      return record === null;
    case "exists":
      return record !== null;
    case "modRevision":
      return record?.modRevision === condition.revision;
  }
}

/** Index of the newest version that is not newer than a revision; -1 when there is none. */
export function lastAtOrBefore(versions: readonly Version[], revision: number): number {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((versions[middle]?.revision ?? 0) <= revision) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function firstAtOrAfter(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
