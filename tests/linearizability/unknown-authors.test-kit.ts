/**
 * Who wrote the revisions that nobody was told of: writes of unknown outcome, found by their
 * values, which are unique. Deletions have none: revisions and deletions that could have made them
 * are matched, and one that finds no partner was made by nobody.
 */
import { isSameEffect } from "./authors.test-kit.ts";
import {
  describeOperation,
  isWrite,
  type Operation,
  type Violation,
  type WriteRequest,
} from "./operation.test-kit.ts";
import type { Timeline } from "./timeline.test-kit.ts";

export interface Unattributed {
  readonly timeline: Timeline;
  readonly operations: readonly Operation[];
  /** Revisions that no acknowledged write was given. */
  readonly revisions: readonly number[];
  /** The newest revision that an operation must come after: it was seen before it was called. */
  readonly floorOf: (operation: Operation) => number;
}

interface Writer {
  readonly operation: Operation;
  readonly request: WriteRequest;
}

/** The writes of unknown outcome that took effect; `faults` gets what cannot have been. */
export function attributeUnknown(
  search: Unattributed,
  faults: Violation[],
): ReadonlySet<Operation> {
  const { timeline, operations, revisions } = search;
  const writers = operations.flatMap((operation) =>
    isWrite(operation.request) ? [{ operation, request: operation.request }] : [],
  );
  const byValue = new Map<string, Writer>();
  for (const writer of writers) {
    for (const value of valuesOf(writer.request)) byValue.set(value, writer);
  }
  const used = new Set<Operation>();
  const deletions: number[] = [];
  for (const revision of revisions) {
    const value = timeline.changesOf(revision).find(({ record }) => record !== null)?.record?.value;
    if (value === undefined) {
      deletions.push(revision);
      continue;
    }
    const author = byValue.get(value);
    const fault =
      author === undefined
        ? unasked(`revision ${revision} holds ${value}, which nobody wrote`)
        : findFault(search, { ...author, revision, isUsed: used.has(author.operation) });
    if (fault !== null) faults.push(fault);
    if (author !== undefined) used.add(author.operation);
  }
  const candidates = writers.filter(
    ({ operation, request }) =>
      operation.outcome.type === "unknown" && valuesOf(request).length === 0,
  );
  const matched = matchDeletions(search, candidates, deletions);
  const explained = new Set(matched.values());
  for (const revision of deletions) {
    if (explained.has(revision)) continue;
    const found = JSON.stringify(timeline.changesOf(revision));
    faults.push(unasked(`revision ${revision} deleted ${found}, and nobody asked for it`));
  }
  return new Set([...used, ...[...matched.keys()].map(({ operation }) => operation)]);
}

const unasked = (message: string): Violation => ({ rule: "nothing happens unasked", message });

const valuesOf = (request: WriteRequest): readonly string[] => {
  if (request.type === "put") return [request.value];
  if (request.type !== "batch") return [];
  return request.items.flatMap(({ value }) => (value === null ? [] : [value]));
};

function findFault(
  { timeline, floorOf }: Unattributed,
  claim: Writer & { readonly revision: number; readonly isUsed: boolean },
): Violation | null {
  const { operation, request, revision, isUsed } = claim;
  const told = describeOperation(operation);
  if (operation.outcome.type === "failed") {
    return unasked(`a refused write took effect at revision ${revision}: ${told}`);
  }
  if (operation.outcome.type === "ok" || isUsed) {
    return unasked(`a write took effect again or elsewhere, at revision ${revision}: ${told}`);
  }
  const effect = timeline.effectOf(request, revision - 1);
  if (effect === null) {
    const message = `its condition did not hold at revision ${revision - 1}: ${told}`;
    return { rule: "a condition is judged at its revision", message };
  }
  if (!isSameEffect(effect, timeline.changesOf(revision))) {
    const found = JSON.stringify(timeline.changesOf(revision));
    const message = `revision ${revision} did ${found}, which is not what was asked: ${told}`;
    return { rule: "a write does what was asked", message };
  }
  const floor = floorOf(operation);
  if (floor < revision) return null;
  const message = `it has ${revision}; ${floor} was seen before it was called: ${told}`;
  return { rule: "revisions follow real time", message };
}

/**
 * The largest matching of revisions to deletions (augmenting paths, Kuhn 1955). A deletion may
 * have made any later revision that did just what it would have done there.
 */
function matchDeletions(
  { timeline, floorOf }: Unattributed,
  candidates: readonly Writer[],
  revisions: readonly number[],
): ReadonlyMap<Writer, number> {
  const possible = new Map(
    revisions.map((revision) => {
      const changes = timeline.changesOf(revision);
      const able = candidates.filter(({ operation, request }) => {
        if (floorOf(operation) >= revision) return false;
        const effect = timeline.effectOf(request, revision - 1);
        return effect !== null && isSameEffect(effect, changes);
      });
      return [revision, able] as const;
    }),
  );
  const revisionOf = new Map<Writer, number>();
  const findPartner = (revision: number, tried: Set<Writer>): boolean => {
    for (const writer of possible.get(revision) ?? []) {
      if (tried.has(writer)) continue;
      tried.add(writer);
      const taken = revisionOf.get(writer);
      if (taken !== undefined && !findPartner(taken, tried)) continue;
      revisionOf.set(writer, revision);
      return true;
    }
    return false;
  };
  for (const revision of revisions) findPartner(revision, new Set());
  return revisionOf;
}
