/**
 * What a command does: etcd's rules, decided over a small view of the state and told to a sink.
 * Deterministic; it must never see a clock, a random number or the outcome of I/O. A command emits
 * nothing before everything that could refuse it has been checked, so a refusal changes nothing.
 */
import type {
  Command,
  CommandFailure,
  CommandResult,
  Condition,
  DeleteOperation,
  KvRecord,
  PutOperation,
  Revision,
} from "./types.ts";
import { toRevision } from "./types.ts";

/** The state as all commands before this one left it. */
export interface StateView {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  get(key: Uint8Array): KvRecord | undefined;
  /** Keys that exist in [start, end), counted no further than `countMax`. */
  count(start: Uint8Array, end: Uint8Array, countMax: number): number;
  /** Keys that exist in [start, end), in order, as they were when the iteration began. */
  range(
    start: Uint8Array,
    end: Uint8Array,
  ): Iterable<{ readonly key: Uint8Array; readonly record: KvRecord }>;
}

/** Receives the effects of a command in order. All effects of one command have one revision. */
export interface EffectSink {
  put(key: Uint8Array, record: KvRecord, previous: KvRecord | undefined): void;
  delete(key: Uint8Array, revision: Revision, previous: KvRecord): void;
  compact(compactRevision: Revision): void;
}

/** Carries out `command`. @returns what its proposer is told */
export const applyCommand = (
  view: StateView,
  sink: EffectSink,
  command: Command,
): CommandResult => {
  switch (command.type) {
    case "put":
      return applyPut(view, sink, command);
    case "delete":
      return applyDelete(view, sink, command);
    case "deleteRange":
      return applyDeleteRange(view, sink, command);
    case "batch":
      return applyBatch(view, sink, command.operations);
    case "compact":
      return applyCompact(view, sink, command.revision);
    case "verifyHash":
      return { type: "verified", revision: view.revision };
  }
};

const NO_REVISION = toRevision(0);
const FIRST_VERSION = 1;
const NO_LEASE = 0;

const failed = (
  view: StateView,
  code: CommandFailure,
  current: Revision = NO_REVISION,
): CommandResult => ({ type: "failed", code, revision: view.revision, current });

const nextRevision = (view: StateView): Revision => toRevision(view.revision + 1);

const isMet = (condition: Condition, current: KvRecord | undefined): boolean => {
  switch (condition.type) {
    case "none":
      return true;
    case "absent":
      return current === undefined;
    case "exists":
      return current !== undefined;
    case "modRevision":
      return current?.modRevision === condition.revision;
  }
};

const changed = (
  value: Uint8Array,
  revision: Revision,
  previous: KvRecord | undefined,
): KvRecord => ({
  modRevision: revision,
  createRevision: previous?.createRevision ?? revision,
  version: previous === undefined ? FIRST_VERSION : previous.version + 1,
  lease: NO_LEASE,
  value,
});

const applyPut = (
  view: StateView,
  sink: EffectSink,
  command: PutOperation & { readonly condition: Condition },
): CommandResult => {
  const previous = view.get(command.key);
  if (!isMet(command.condition, previous)) {
    return failed(view, "CONDITION_FAILED", previous?.modRevision);
  }
  const revision = nextRevision(view);
  sink.put(command.key, changed(command.value, revision, previous), previous);
  return { type: "put", revision, created: previous === undefined };
};

const applyDelete = (
  view: StateView,
  sink: EffectSink,
  command: DeleteOperation & { readonly condition: Condition },
): CommandResult => {
  const previous = view.get(command.key);
  if (!isMet(command.condition, previous)) {
    return failed(view, "CONDITION_FAILED", previous?.modRevision);
  }
  if (previous === undefined) return { type: "deleted", revision: view.revision, count: 0 };
  const revision = nextRevision(view);
  sink.delete(command.key, revision, previous);
  return { type: "deleted", revision, count: 1 };
};

const applyDeleteRange = (
  view: StateView,
  sink: EffectSink,
  command: Extract<Command, { readonly type: "deleteRange" }>,
): CommandResult => {
  const { start, end, keysMax } = command;
  const count = view.count(start, end, keysMax + 1);
  if (count > keysMax) return failed(view, "RANGE_TOO_LARGE");
  if (count === 0) return { type: "deleted", revision: view.revision, count };
  const revision = nextRevision(view);
  for (const { key, record } of view.range(start, end)) sink.delete(key, revision, record);
  return { type: "deleted", revision, count };
};

const applyBatch = (
  view: StateView,
  sink: EffectSink,
  operations: readonly (PutOperation | DeleteOperation)[],
): CommandResult => {
  if (hasDuplicateKey(operations)) return failed(view, "DUPLICATE_KEY");
  const revision = nextRevision(view);
  let puts = 0;
  let deletes = 0;
  for (const operation of operations) {
    const previous = view.get(operation.key);
    if (operation.type === "put") {
      sink.put(operation.key, changed(operation.value, revision, previous), previous);
      puts += 1;
    } else if (previous !== undefined) {
      sink.delete(operation.key, revision, previous);
      deletes += 1;
    }
  }
  const isEffective = puts + deletes > 0;
  return { type: "batch", revision: isEffective ? revision : view.revision, puts, deletes };
};

const applyCompact = (view: StateView, sink: EffectSink, revision: Revision): CommandResult => {
  if (revision <= view.compactRevision) return failed(view, "REVISION_COMPACTED");
  if (revision > view.revision) return failed(view, "REVISION_IN_FUTURE");
  sink.compact(revision);
  return { type: "compacted", revision: view.revision, compactRevision: revision };
};

// Its decoder gives each of the 256 bytes a character of its own: equal strings, equal keys.
const singleByte = new TextDecoder("latin1");

const hasDuplicateKey = (operations: readonly { readonly key: Uint8Array }[]): boolean => {
  if (operations.length < 2) return false;
  const seen = new Set(operations.map((operation) => singleByte.decode(operation.key)));
  return seen.size < operations.length;
};
