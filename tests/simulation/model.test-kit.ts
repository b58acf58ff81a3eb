/**
 * A second, naive state machine: what the committed log means, kept whole in memory. It shares no
 * code with node/src/kv but the decoder, so that a wrong rule there is a difference here.
 */
import type {
  Command,
  CommandResult,
  Condition,
  DeleteOperation,
  KvRecord,
  PutOperation,
  Revision,
} from "../../node/src/kv/index.ts";

/** One change of one key. `record` null: deleted there. */
export interface Version {
  readonly revision: number;
  readonly record: KvRecord | null;
}

/** Keys as text, one code unit a byte: the order of texts is the order of keys. */
export const keyText = (key: Uint8Array): string => String.fromCharCode(...key);

const toRevision = (value: number): Revision => value as Revision;

export class Model {
  #revision = 0;
  #compactRevision = 0;
  readonly #versions = new Map<string, Version[]>();
  readonly #live = new Map<string, KvRecord>();
  readonly #commands: (Command | undefined)[] = [];

  get revision(): number {
    return this.#revision;
  }
  get compactRevision(): number {
    return this.#compactRevision;
  }
  /** Keys that exist. */
  get keys(): number {
    return this.#live.size;
  }

  /** The command that made `revision`. */
  commandAt(revision: number): Command | undefined {
    return this.#commands[revision];
  }

  /** Every key that was ever written. */
  keysEver(): readonly string[] {
    return [...this.#versions.keys()];
  }

  current(key: string): KvRecord | undefined {
    return this.#live.get(key);
  }

  /** Every change of a key, oldest first. */
  versions(key: string): readonly Version[] {
    return this.#versions.get(key) ?? [];
  }

  at(key: string, revision: number): KvRecord | undefined {
    const versions = this.#versions.get(key) ?? [];
    for (let place = versions.length - 1; place >= 0; place -= 1) {
      const version = versions[place];
      if (version !== undefined && version.revision <= revision) return version.record ?? undefined;
    }
    return undefined;
  }

  /** Keys of [start, end) with their records at `revision`, in order; an empty end is none. */
  range(bounds: { start: string; end: string }, revision: number): [string, KvRecord][] {
    const rows: [string, KvRecord][] = [];
    for (const key of [...this.#versions.keys()].sort()) {
      if (key < bounds.start || (bounds.end !== "" && key >= bounds.end)) continue;
      const record = this.at(key, revision);
      if (record !== undefined) rows.push([key, record]);
    }
    return rows;
  }

  /** Carries out a committed command. @returns what its proposer must be told */
  apply(command: Command): CommandResult {
    const before = this.#revision;
    const result = this.#carryOut(command);
    if (this.#revision !== before) this.#commands[this.#revision] = command;
    return result;
  }

  #carryOut(command: Command): CommandResult {
    switch (command.type) {
      case "put":
        return this.#guarded(command, () => this.#put(command));
      case "delete":
        return this.#guarded(command, () => this.#delete([keyText(command.key)]));
      case "deleteRange":
        return this.#deleteRange(command);
      case "batch":
        return this.#batch(command.operations);
      case "compact":
        return this.#compact(command.revision);
      case "verifyHash":
        return { type: "verified", revision: toRevision(this.#revision) };
    }
  }

  #guarded(
    command: { readonly key: Uint8Array; readonly condition: Condition },
    work: () => CommandResult,
  ): CommandResult {
    const current = this.#live.get(keyText(command.key));
    const { condition } = command;
    const met =
      condition.type === "none" ||
      (condition.type === "absent" && current === undefined) ||
      (condition.type === "exists" && current !== undefined) ||
      (condition.type === "modRevision" && current?.modRevision === condition.revision);
    return met ? work() : this.#failed("CONDITION_FAILED", current?.modRevision ?? 0);
  }

  #failed(
    code: Extract<CommandResult, { type: "failed" }>["code"],
    current: number,
  ): CommandResult {
    const revision = toRevision(this.#revision);
    return { type: "failed", code, revision, current: toRevision(current) };
  }

  #put({ key, value }: PutOperation): CommandResult {
    const created = !this.#live.has(keyText(key));
    this.#revision += 1;
    this.#write(keyText(key), value);
    return { type: "put", revision: toRevision(this.#revision), created };
  }

  #delete(keys: readonly string[]): CommandResult {
    const found = keys.filter((key) => this.#live.has(key));
    if (found.length > 0) this.#revision += 1;
    for (const key of found) this.#erase(key);
    return { type: "deleted", revision: toRevision(this.#revision), count: found.length };
  }

  #deleteRange(command: Extract<Command, { type: "deleteRange" }>): CommandResult {
    const start = keyText(command.start);
    const end = keyText(command.end);
    const inRange = (key: string): boolean => key >= start && (end === "" || key < end);
    const keys = [...this.#live.keys()].filter(inRange);
    if (keys.length > command.keysMax) return this.#failed("RANGE_TOO_LARGE", 0);
    return this.#delete(keys);
  }

  #batch(operations: readonly (PutOperation | DeleteOperation)[]): CommandResult {
    const keys = operations.map(({ key }) => keyText(key));
    if (new Set(keys).size < keys.length) return this.#failed("DUPLICATE_KEY", 0);
    const puts = operations.filter((operation) => operation.type === "put");
    const erased = operations
      .filter((operation) => operation.type === "delete")
      .map(({ key }) => keyText(key))
      .filter((key) => this.#live.has(key));
    if (puts.length + erased.length > 0) this.#revision += 1;
    for (const { key, value } of puts) this.#write(keyText(key), value);
    for (const key of erased) this.#erase(key);
    const revision = toRevision(this.#revision);
    return { type: "batch", revision, puts: puts.length, deletes: erased.length };
  }

  #compact(at: number): CommandResult {
    if (at <= this.#compactRevision) return this.#failed("REVISION_COMPACTED", 0);
    if (at > this.#revision) return this.#failed("REVISION_IN_FUTURE", 0);
    this.#compactRevision = at;
    return {
      type: "compacted",
      revision: toRevision(this.#revision),
      compactRevision: toRevision(at),
    };
  }

  #write(key: string, value: Uint8Array): void {
    const previous = this.#live.get(key);
    const revision = toRevision(this.#revision);
    const record: KvRecord = {
      modRevision: revision,
      createRevision: previous?.createRevision ?? revision,
      version: (previous?.version ?? 0) + 1,
      lease: 0,
      value,
    };
    this.#live.set(key, record);
    this.#remember(key, record);
  }

  #erase(key: string): void {
    this.#live.delete(key);
    this.#remember(key, null);
  }

  #remember(key: string, record: KvRecord | null): void {
    const versions = this.#versions.get(key) ?? [];
    versions.push({ revision: this.#revision, record });
    this.#versions.set(key, versions);
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
};

/** Equal in every field. @param valuesToo false when a scan asked for keys only */
export const sameRecord = (
  a: KvRecord | undefined,
  b: KvRecord | undefined,
  valuesToo = true,
): boolean => {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.version === b.version &&
    a.lease === b.lease &&
    (!valuesToo || sameBytes(a.value, b.value))
  );
};
