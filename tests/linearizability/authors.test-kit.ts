/** Acknowledged writes against the store's own account of the revisions that they were given. */
import {
  type Change,
  describeOperation,
  isWrite,
  type Operation,
  type Violation,
  type WriteRequest,
} from "./operation.test-kit.ts";
import type { Timeline } from "./timeline.test-kit.ts";

/** Revision by operation. */
export type Authors = ReadonlyMap<Operation, number>;

export function attributeAcknowledged(
  timeline: Timeline,
  operations: readonly Operation[],
  faults: Violation[],
): Authors {
  const byRevision = new Map<number, Operation>();
  const authors = new Map<Operation, number>();
  for (const operation of operations) {
    const { request, outcome } = operation;
    if (outcome.type !== "ok" || outcome.answer.type !== "written" || !isWrite(request)) continue;
    const { revision } = outcome.answer;
    const other = byRevision.get(revision);
    if (other !== undefined) {
      const both = `${describeOperation(other)}\n  ${describeOperation(operation)}`;
      const message = `revision ${revision} was given to two writes:\n  ${both}`;
      faults.push({ rule: "one write per revision", message });
    }
    byRevision.set(revision, operation);
    authors.set(operation, revision);
    faults.push(...findEffectFaults(timeline, operation, request));
  }
  return authors;
}

function findEffectFaults(
  timeline: Timeline,
  operation: Operation,
  request: WriteRequest,
): readonly Violation[] {
  const { outcome } = operation;
  if (outcome.type !== "ok" || outcome.answer.type !== "written") return [];
  const { revision, created, puts, deletes } = outcome.answer;
  const told = describeOperation(operation);
  const effect = timeline.effectOf(request, revision - 1);
  if (effect === null) {
    const message = `its condition did not hold at revision ${revision - 1}: ${told}`;
    return [{ rule: "a condition is judged at its revision", message }];
  }
  const changes = timeline.changesOf(revision);
  if (!isSameEffect(effect, changes)) {
    const found = JSON.stringify(changes);
    const message = `revision ${revision} did ${found}, which is not what was asked: ${told}`;
    return [{ rule: "a write does what was asked", message }];
  }
  const deleted = changes.filter(({ record }) => record === null).length;
  const isFirst = changes[0]?.record?.version === 1;
  const isTold =
    (created === undefined || created === isFirst) &&
    (deletes === undefined || deletes === deleted) &&
    (puts === undefined || puts === changes.length - deleted);
  if (isTold) return [];
  return [{ rule: "a write does what was asked", message: `its counts are wrong: ${told}` }];
}

export const isSameEffect = (
  effect: ReadonlyMap<string, string | null>,
  changes: readonly Change[],
): boolean =>
  effect.size === changes.length &&
  changes.every(
    ({ key, record }) => effect.has(key) && effect.get(key) === (record?.value ?? null),
  );
