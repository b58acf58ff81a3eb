/**
 * Linearizability by trying every order (Wing and Gong 1993): for tiny histories only. Shares
 * nothing with the checker but the form of a history, and is what the checker is compared with.
 */
import { isDeepStrictEqual } from "node:util";
import { ModelStore } from "./model-store.test-kit.ts";
import type { Answer, History, Operation } from "./operation.test-kit.ts";

interface Search {
  readonly store: ModelStore;
  readonly rest: readonly Operation[];
}

/** @param history one whose base is empty, of about eight operations */
export function isLinearizable(history: History): boolean {
  const rest = history.operations.filter(({ outcome }) => outcome.type !== "failed");
  return search(history, { store: new ModelStore(), rest });
}

function search(history: History, { store, rest }: Search): boolean {
  const isOver = rest.every(({ outcome }) => outcome.type === "unknown");
  if (isOver && store.revision === history.revisions.length) return true;
  const mustComeFirst = Math.min(
    ...rest.map(({ outcome, returnedAt }) =>
      outcome.type === "ok" ? returnedAt : Number.POSITIVE_INFINITY,
    ),
  );
  return rest.some((operation) => {
    if (operation.calledAt > mustComeFirst) return false;
    const applied = store.apply(operation.request);
    if (applied === null) return false;
    const { outcome } = operation;
    if (outcome.type === "ok" && !agrees(outcome.answer, applied.answer)) return false;
    if (applied.changes.length > 0) {
      const written = history.revisions[store.revision]?.changes ?? [];
      if (!isDeepStrictEqual(sorted(written), sorted(applied.changes))) return false;
    }
    const others = rest.filter((other) => other !== operation);
    return search(history, { store: applied.store, rest: others });
  });
}

const sorted = <T extends { readonly key: string }>(changes: readonly T[]): readonly T[] =>
  changes.toSorted((a, b) => (a.key < b.key ? -1 : 1));

/** What was not told cannot disagree. */
function agrees(told: Answer, right: Answer): boolean {
  if (told.type !== right.type) return false;
  return Object.entries(told).every(([name, value]) => {
    const wanted: unknown = Object.entries(right).find(([other]) => other === name)?.[1];
    return value === null && name === "revision" ? true : isDeepStrictEqual(value, wanted);
  });
}
