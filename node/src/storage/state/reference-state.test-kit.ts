/**
 * The state machine once more, as simply as it can be said: a whole map per revision. What the real
 * one answers, at any revision, must be what this one answers.
 */
import type {
  Command,
  CommandFailure,
  CommandResult,
  Condition,
  KvRecord,
  Revision,
} from "../../kv/index.ts";
import { toRevision } from "../../kv/index.ts";
import type {
  GetResult,
  KeyValue,
  ReadFailure,
  ScanRequest,
  ScanResult,
} from "../../replica/index.ts";

type Keys = ReadonlyMap<string, KvRecord>;

const text = (key: Uint8Array): string => Buffer.from(key).toString("latin1");
const bytes = (key: string): Uint8Array => Uint8Array.from(Buffer.from(key, "latin1"));
const EMPTY = new Uint8Array(0);

export class ReferenceState {
  readonly #states: Keys[] = [new Map()];
  compactRevision: Revision = toRevision(0);

  get revision(): Revision {
    return toRevision(this.#states.length - 1);
  }

  get keys(): Keys {
    return this.#at(this.revision);
  }

  apply(command: Command): CommandResult {
    switch (command.type) {
      case "put":
      case "delete": {
        const current = this.keys.get(text(command.key));
        if (!this.#isMet(command.condition, current)) {
          return this.#failed("CONDITION_FAILED", current?.modRevision);
        }
        const { puts, deletes, created } = this.#change([command]);
        return command.type === "put"
          ? { type: "put", revision: this.revision, created: created > 0 }
          : { type: "deleted", revision: this.revision, count: deletes + puts };
      }
      case "deleteRange": {
        const keys = this.#range(this.keys, command.start, command.end);
        if (keys.length > command.keysMax) return this.#failed("RANGE_TOO_LARGE");
        this.#change(keys.map((key) => ({ type: "delete", key: bytes(key) })));
        return { type: "deleted", revision: this.revision, count: keys.length };
      }
      case "batch": {
        const { operations } = command;
        const distinct = new Set(operations.map(({ key }) => text(key)));
        if (distinct.size < operations.length) return this.#failed("DUPLICATE_KEY");
        const { puts, deletes } = this.#change(operations);
        return { type: "batch", revision: this.revision, puts, deletes };
      }
      case "compact": {
        if (command.revision <= this.compactRevision) return this.#failed("REVISION_COMPACTED");
        if (command.revision > this.revision) return this.#failed("REVISION_IN_FUTURE");
        this.compactRevision = command.revision;
        const { compactRevision, revision } = this;
        return { type: "compacted", revision, compactRevision };
      }
      case "verifyHash":
        return { type: "verified", revision: this.revision };
    }
  }

  getAt(key: Uint8Array, revision: Revision): GetResult {
    const code = this.#windowFailure(revision);
    if (code !== null) return { type: "failed", code, revision: this.revision };
    const record = this.#at(revision).get(text(key));
    if (record === undefined) return { type: "absent", revision: this.revision };
    return { type: "found", record, revision: this.revision };
  }

  scan(request: ScanRequest): ScanResult {
    const revision = request.revision ?? this.revision;
    const code = this.#windowFailure(revision);
    if (code !== null) return { type: "failed", code, revision: this.revision };
    const state = this.#at(revision);
    const keys = this.#range(state, request.start, request.end);
    const rows: KeyValue[] = [];
    let size = 0;
    for (const key of keys) {
      const record = state.get(key);
      if (record === undefined || rows.length === request.limit) break;
      const value = request.keysOnly ? EMPTY : record.value;
      size += key.length + value.length;
      if (rows.length > 0 && size > request.bytesMax) break;
      rows.push({ key: bytes(key), record: { ...record, value } });
    }
    const count = Math.min(keys.length, request.countMax);
    return { type: "page", rows, revision, more: rows.length < keys.length, count };
  }

  #at(revision: Revision): Keys {
    return this.#states[revision] ?? new Map();
  }

  #range(state: Keys, start: Uint8Array, end: Uint8Array): string[] {
    const isInside = (key: string): boolean =>
      key >= text(start) && (end.length === 0 || key < text(end));
    return [...state.keys()].filter(isInside).toSorted();
  }

  #windowFailure(revision: Revision): ReadFailure | null {
    if (revision > this.revision) return "REVISION_IN_FUTURE";
    return revision < this.compactRevision ? "REVISION_COMPACTED" : null;
  }

  #isMet(condition: Condition, current: KvRecord | undefined): boolean {
    if (condition.type === "absent") return current === undefined;
    if (condition.type === "exists") return current !== undefined;
    return condition.type === "none" || current?.modRevision === condition.revision;
  }

  #failed(code: CommandFailure, current: Revision = toRevision(0)): CommandResult {
    return { type: "failed", code, revision: this.revision, current };
  }

  #change(operations: readonly { type: "put" | "delete"; key: Uint8Array; value?: Uint8Array }[]): {
    puts: number;
    deletes: number;
    created: number;
  } {
    const next = new Map(this.keys);
    const modRevision = toRevision(this.revision + 1);
    let [puts, deletes, created] = [0, 0, 0];
    for (const { key, value } of operations) {
      const previous = next.get(text(key));
      if (value === undefined) {
        if (next.delete(text(key))) deletes += 1;
        continue;
      }
      const createRevision = previous?.createRevision ?? modRevision;
      const version = (previous?.version ?? 0) + 1;
      next.set(text(key), { modRevision, createRevision, version, lease: 0, value });
      puts += 1;
      if (previous === undefined) created += 1;
    }
    if (puts + deletes > 0) this.#states.push(next);
    return { puts, deletes, created };
  }
}
