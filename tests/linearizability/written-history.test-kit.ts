/** Histories written by hand, short enough to be read: one line an operation. */
import { ModelStore } from "./model-store.test-kit.ts";
import type {
  Answer,
  Change,
  Condition,
  History,
  KeyRecord,
  Operation,
  Outcome,
  Request,
  RevisionChanges,
} from "./operation.test-kit.ts";

export const always: Condition = { type: "none" };

export const put = (key: string, value: string, condition: Condition = always): Request => ({
  type: "put",
  key,
  value,
  condition,
});

export const remove = (key: string, condition: Condition = always): Request => ({
  type: "delete",
  key,
  condition,
});

export const get = (key: string, at: number | null = null): Request => ({ type: "get", key, at });

export const list = (prefix: string): Request => ({ type: "list", prefix, at: null });

export const ok = (answer: Answer): Outcome => ({ type: "ok", answer });

export const written = (revision: number): Outcome => ok({ type: "written", revision });

export const found = (revision: number | null, record: KeyRecord | null): Outcome =>
  ok({ type: "record", revision, record });

export const failed: Outcome = { type: "failed" };
export const unknown: Outcome = { type: "unknown" };

/** Called and answered at whole numbers. */
export const during = (
  [calledAt, returnedAt]: readonly [number, number],
  request: Request,
  outcome: Outcome,
): Operation => ({ client: 1, request, calledAt, returnedAt, outcome });

/** What a right store's history says after these writes, one revision each. */
export function accountOf(...writes: readonly Request[]): readonly RevisionChanges[] {
  let store = new ModelStore();
  return writes.map((write) => {
    const applied = store.apply(write);
    if (applied === null || applied.changes.length === 0) throw new Error("writes nothing");
    store = applied.store;
    return { revision: store.revision, changes: applied.changes };
  });
}

export const history = (
  revisions: readonly RevisionChanges[],
  ...operations: readonly Operation[]
): History => ({ base: { revision: 0, records: [] }, operations, revisions });

/** The record that a write of this revision made. */
export function recordOf(
  revisions: readonly RevisionChanges[],
  revision: number,
  key: string,
): KeyRecord {
  const changes: readonly Change[] = revisions[revision - 1]?.changes ?? [];
  const record = changes.find((change) => change.key === key)?.record;
  if (record === undefined || record === null) throw new Error(`no ${key} at ${revision}`);
  return record;
}
